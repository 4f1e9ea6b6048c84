// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DIDAuthorized} from "./base/DIDAuthorized.sol";
import {IStatusListAnchorRegistry} from "./interfaces/IStatusListAnchorRegistry.sol";
import {Slots} from "./libraries/Slots.sol";
import {StatusListId} from "./libraries/StatusListId.sol";
import {StatusTree} from "./libraries/StatusTree.sol";

/// @title StatusListAnchorRegistry
/// @notice Heads of off-chain status lists of did:ethr issuers: no owner, no proxy, no pause, nothing to configure.
/// @dev Every version goes through `_publish`.
contract StatusListAnchorRegistry is IStatusListAnchorRegistry, DIDAuthorized {
    // ----------------------------------------------------------------------------------------- constants

    string private constant NAME = "StatusListAnchorRegistry";

    bytes32 private constant PUBLISH_TYPEHASH = keccak256(
        "Publish(address identity,uint256 authority,bytes32 listId,bytes32 previousHead,bytes32 contentDigest,bytes32 bitmapRoot,uint256 validUntil,address signer,uint256 deadline)"
    );

    uint256 private constant WORD_BITS = 256;
    uint256 private constant WORD_BITS_LOG = 8;

    constructor(address didRegistry_) DIDAuthorized(didRegistry_) {}

    // ------------------------------------------------------------------------------------------- changes

    /// @inheritdoc IStatusListAnchorRegistry
    function publish(Publication calldata publication) external override {
        _publish(publication, msg.sender);
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function publishMany(Publication[] calldata publications) external override {
        uint256 count = publications.length;
        if (count == 0) revert EmptyBatch();
        for (uint256 i = 0; i < count; ++i) {
            _publish(publications[i], msg.sender);
        }
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function publishBySig(Publication calldata publication, Consent calldata consent) external override {
        _checkConsent(
            keccak256(
                abi.encode(
                    PUBLISH_TYPEHASH,
                    publication.identity,
                    publication.authority,
                    publication.listId,
                    _headOf(publication.previous),
                    publication.contentDigest,
                    publication.bitmapRoot,
                    publication.validUntil,
                    consent.signer,
                    consent.deadline
                )
            ),
            consent
        );
        _publish(publication, consent.signer);
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function locate(address identity, uint256 authority, bytes32 listId, string calldata uri) external override {
        StatusListId.checkAnchored(listId);
        _checkPublisher(identity, authority, listId, msg.sender);
        emit StatusListLocated(identity, listId, uri);
    }

    // ------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IStatusListAnchorRegistry
    function headOf(address identity, bytes32 listId) external view override returns (bytes32 head) {
        StatusListId.checkAnchored(listId);
        return bytes32(Slots.load(Slots.ofWord(identity, listId, 0)));
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function isCurrent(address identity, bytes32 listId, Header calldata header)
        external
        view
        override
        returns (bool current)
    {
        StatusListId.checkAnchored(listId);
        bytes32 head = bytes32(Slots.load(Slots.ofWord(identity, listId, 0)));
        return head != 0 && head == _headOf(header) && block.timestamp <= header.validUntil;
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function statusFromProof(
        address identity,
        bytes32 listId,
        Header calldata header,
        uint256 index,
        bytes32 word,
        bytes32[] calldata proof
    ) external view override returns (uint256 value) {
        StatusListId.checkAnchored(listId);
        if (index >= StatusListId.capacity(listId)) revert IndexOutOfRange(index);
        bytes32 head = bytes32(Slots.load(Slots.ofWord(identity, listId, 0)));
        bytes32 shown = _headOf(header);
        // Nothing published is no header at all: the header of zeros must not pass for one.
        if (head == 0 || head != shown) revert StaleHeader(shown, head);
        if (block.timestamp > header.validUntil) revert ListExpired(header.validUntil);
        uint256 bitIndex = index << StatusListId.widthLog(listId);
        _checkProof(header.bitmapRoot, StatusListId.totalBits(listId), bitIndex >> WORD_BITS_LOG, word, proof);
        return _read(listId, word, bitIndex % WORD_BITS);
    }

    /// @inheritdoc IStatusListAnchorRegistry
    function isAuthorized(address identity, uint256 authority, bytes32 listId, address actor)
        external
        view
        override
        returns (bool authorized)
    {
        if (actor == address(0) || authority == REVOCATION_ONLY) return false;
        return authority == OWNER ? _isOwner(identity, actor) : _isDelegate(identity, authority, listId, actor);
    }

    // -------------------------------------------------------------------------------------- publications

    /// @dev The only place where a head changes.
    function _publish(Publication calldata publication, address actor) private {
        (address identity, bytes32 listId) = (publication.identity, publication.listId);
        StatusListId.checkAnchored(listId);
        _checkPublisher(identity, publication.authority, listId, actor);
        if (publication.contentDigest == 0 || publication.bitmapRoot == 0) revert ZeroDigest();
        if (publication.validUntil <= block.timestamp) revert ListExpired(publication.validUntil);
        Header calldata previous = publication.previous;
        uint256 slot = Slots.ofWord(identity, listId, 0);
        bytes32 head = bytes32(Slots.load(slot));
        bytes32 shown = _headOf(previous);
        if (head != shown) revert StaleHeader(shown, head);
        // One more than a version that was counted up from zero.
        uint256 version;
        unchecked {
            version = previous.version + 1;
        }
        Header memory header = Header({
            contentDigest: publication.contentDigest,
            bitmapRoot: publication.bitmapRoot,
            version: version,
            publishedAt: block.timestamp,
            validUntil: publication.validUntil,
            blockNumber: block.number
        });
        Slots.store(slot, uint256(keccak256(abi.encode(header))));
        emit StatusListAnchored(
            identity,
            listId,
            version,
            publication.contentDigest,
            publication.bitmapRoot,
            publication.validUntil,
            previous.blockNumber
        );
    }

    function _checkPublisher(address identity, uint256 authority, bytes32 listId, address actor) private view {
        if (authority == REVOCATION_ONLY) revert UnknownAuthority(authority);
        _checkAuthority(identity, authority, listId, actor);
    }

    /// @dev What the slot holds for a header: zero for the header of zeros, else its hash.
    function _headOf(Header calldata header) private pure returns (bytes32 head) {
        bool isNone = header.version == 0 && header.contentDigest == 0 && header.bitmapRoot == 0
            && header.publishedAt == 0 && header.validUntil == 0 && header.blockNumber == 0;
        return isNone ? bytes32(0) : keccak256(abi.encode(header));
    }

    // -------------------------------------------------------------------------------------------- proofs

    /// @dev One hash for each level, no more and no fewer: an inner node is never taken for a word.
    function _checkProof(bytes32 root, uint256 totalBits, uint256 position, bytes32 word, bytes32[] calldata proof)
        private
        pure
    {
        uint256 levels = 0;
        unchecked {
            while (WORD_BITS << levels < totalBits) ++levels;
        }
        if (proof.length != levels) revert ProofLengthMismatch(levels, proof.length);
        if (StatusTree.rootOf(word, position, proof) != root) revert InvalidProof();
    }

    /// @dev The entry that starts at a bit, counted in the list's own order. Entries never cross bytes.
    function _read(bytes32 listId, bytes32 word, uint256 bit) private pure returns (uint256 value) {
        uint256 width = 1 << StatusListId.widthLog(listId);
        uint256 shift = StatusListId.isLeastSignificantFirst(listId)
            ? (WORD_BITS - 8 - bit / 8 * 8) + bit % 8
            : WORD_BITS - width - bit;
        return uint256(word) >> shift & ((1 << width) - 1);
    }

    function _name() internal pure override returns (string memory) {
        return NAME;
    }
}
