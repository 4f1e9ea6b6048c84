// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DIDAuthorized} from "./base/DIDAuthorized.sol";
import {ICredentialStatus} from "./interfaces/ICredentialStatus.sol";
import {ICredentialStatusRegistry} from "./interfaces/ICredentialStatusRegistry.sol";
import {IERC165} from "./interfaces/IERC165.sol";
import {Slots} from "./libraries/Slots.sol";
import {StatusFields} from "./libraries/StatusFields.sol";
import {StatusListId} from "./libraries/StatusListId.sol";

/// @title CredentialStatusRegistry
/// @notice Status lists and key records of did:ethr issuers: no owner, no proxy, no pause, nothing to configure.
/// @dev Every change of a list ends in `_writeWord`, every change of a record in `_writeRecord`, so that single calls,
/// batches and messages cannot differ.
contract CredentialStatusRegistry is ICredentialStatusRegistry, DIDAuthorized {
    // ----------------------------------------------------------------------------------------- constants

    uint256 private constant ANY = 1;

    // A value of entries and records.
    uint256 private constant INVALID = 1;

    string private constant NAME = "CredentialStatusRegistry";

    bytes32 private constant SET_STATUS_TYPEHASH = keccak256(
        "SetStatus(address identity,uint256 authority,bytes32 listId,uint32 index,uint8 value,uint256 expectedWord,address signer,uint256 deadline)"
    );
    bytes32 private constant WORD_UPDATE_TYPEHASH =
        keccak256("WordUpdate(uint256 set,uint256 clear,uint256 expected)");
    bytes32 private constant LIST_UPDATE_TYPEHASH = keccak256(
        "ListUpdate(address identity,uint256 authority,bytes32 listId,WordUpdate[] words)WordUpdate(uint256 set,uint256 clear,uint256 expected)"
    );
    bytes32 private constant UPDATE_LISTS_TYPEHASH = keccak256(
        "UpdateLists(ListUpdate[] lists,address signer,uint256 deadline)ListUpdate(address identity,uint256 authority,bytes32 listId,WordUpdate[] words)WordUpdate(uint256 set,uint256 clear,uint256 expected)"
    );
    bytes32 private constant SET_KEYS_TYPEHASH = keccak256(
        "SetKeys(address identity,uint256 authority,uint8 value,bytes32[] keys,uint256[] expected,address signer,uint256 deadline)"
    );

    constructor(address didRegistry_) DIDAuthorized(didRegistry_) {}

    // ------------------------------------------------------------------------------------------- changes

    /// @inheritdoc ICredentialStatusRegistry
    function setStatus(address identity, uint256 authority, bytes32 listId, uint32 index, uint8 value)
        external
        override
    {
        _setStatus(identity, authority, listId, index, value, ANY, msg.sender);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function updateWords(address identity, uint256 authority, bytes32 listId, WordUpdate[] calldata updates)
        external
        override
    {
        _updateWords(identity, authority, listId, updates, msg.sender);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function updateLists(ListUpdate[] calldata lists) external override {
        _updateLists(lists, msg.sender);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function revokeKey(address identity, uint256 authority, bytes32 key) external override {
        _checkAuthority(identity, authority, 0, msg.sender);
        _writeRecord(identity, key, _stamped(INVALID));
    }

    /// @inheritdoc ICredentialStatusRegistry
    function setKeys(
        address identity,
        uint256 authority,
        uint8 value,
        bytes32[] calldata keys,
        uint256[] calldata expected
    ) external override {
        _setKeys(identity, authority, value, keys, expected, msg.sender);
    }

    // ---------------------------------------------------------------------------------- changes by message

    /// @inheritdoc ICredentialStatusRegistry
    function setStatusBySig(
        address identity,
        uint256 authority,
        bytes32 listId,
        uint32 index,
        uint8 value,
        uint256 expectedWord,
        Consent calldata consent
    ) external override {
        _checkConsent(
            keccak256(
                abi.encode(
                    SET_STATUS_TYPEHASH,
                    identity,
                    authority,
                    listId,
                    index,
                    value,
                    expectedWord,
                    consent.signer,
                    consent.deadline
                )
            ),
            consent
        );
        if (expectedWord != ANY) _checkAge(expectedWord >> StatusFields.PAYLOAD_BITS);
        else if (value != INVALID || !StatusListId.isTerminal(listId)) revert ExpectationRequired(index);
        _setStatus(identity, authority, listId, index, value, expectedWord, consent.signer);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function updateListsBySig(ListUpdate[] calldata lists, Consent calldata consent) external override {
        _checkConsent(
            keccak256(abi.encode(UPDATE_LISTS_TYPEHASH, _hash(lists), consent.signer, consent.deadline)), consent
        );
        uint256 count = lists.length;
        for (uint256 i = 0; i < count; ++i) {
            _checkExpectations(lists[i]);
        }
        _updateLists(lists, consent.signer);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function setKeysBySig(
        address identity,
        uint256 authority,
        uint8 value,
        bytes32[] calldata keys,
        uint256[] calldata expected,
        Consent calldata consent
    ) external override {
        _checkConsent(
            keccak256(
                abi.encode(
                    SET_KEYS_TYPEHASH,
                    identity,
                    authority,
                    value,
                    keccak256(abi.encodePacked(keys)),
                    keccak256(abi.encodePacked(expected)),
                    consent.signer,
                    consent.deadline
                )
            ),
            consent
        );
        // INVALID is final: repeating it does nothing.
        if (expected.length == 0 && value != INVALID) revert ExpectationRequired(0);
        for (uint256 i = 0; i < expected.length; ++i) {
            _checkAge(uint48(expected[i] >> 48));
        }
        _setKeys(identity, authority, value, keys, expected, consent.signer);
    }

    // ------------------------------------------------------------------------------------------- reading

    /// @inheritdoc ICredentialStatus
    function statusOf(address identity, bytes32 listId, uint256 index)
        external
        view
        override
        returns (uint256 value, uint256 changedBlock)
    {
        (uint256 wordIndex, uint256 shift, uint256 mask) = _locate(listId, index);
        uint256 word = Slots.load(Slots.ofWord(identity, listId, wordIndex));
        return (word >> shift & mask, word >> StatusFields.PAYLOAD_BITS);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function statusesOf(address identity, bytes32 listId, uint256[] calldata indexes)
        external
        view
        override
        returns (bytes memory values)
    {
        uint256 count = indexes.length;
        values = new bytes(count);
        uint256 known = type(uint256).max;
        uint256 word;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 wordIndex, uint256 shift, uint256 mask) = _locate(listId, indexes[i]);
            if (wordIndex != known) {
                word = Slots.load(Slots.ofWord(identity, listId, wordIndex));
                known = wordIndex;
            }
            values[i] = bytes1(uint8(word >> shift & mask));
        }
    }

    /// @inheritdoc ICredentialStatusRegistry
    function wordsOf(address identity, bytes32 listId, uint256 first, uint256 count)
        external
        view
        override
        returns (uint256[] memory found)
    {
        StatusListId.checkOnChain(listId);
        uint256 end = _wordCount(listId);
        uint256 left = first < end ? end - first : 0;
        if (count > left) count = left;
        found = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            found[i] = Slots.load(Slots.ofWord(identity, listId, first + i));
        }
    }

    /// @inheritdoc ICredentialStatus
    function recordOf(address identity, bytes32 key)
        external
        view
        override
        returns (uint256 value, uint256 changedAt, uint256 changedBlock, uint256 previousBlock)
    {
        uint256 record = Slots.load(Slots.ofRecord(identity, key));
        return (uint8(record), uint40(record >> 8), uint48(record >> 48), record >> 96);
    }

    /// @inheritdoc ICredentialStatusRegistry
    function recordsOf(address identity, bytes32[] calldata keys)
        external
        view
        override
        returns (uint256[] memory found)
    {
        uint256 count = keys.length;
        found = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            found[i] = Slots.load(Slots.ofRecord(identity, keys[i]));
        }
    }

    /// @inheritdoc ICredentialStatusRegistry
    function isAuthorized(address identity, uint256 authority, bytes32 listId, address actor)
        external
        view
        override
        returns (bool authorized)
    {
        if (actor == address(0)) return false;
        return authority == OWNER ? _isOwner(identity, actor) : _isDelegate(identity, authority, listId, actor);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure override returns (bool supported) {
        return interfaceId == type(ICredentialStatus).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    // ------------------------------------------------------------------------------------------- lists

    function _setStatus(
        address identity,
        uint256 authority,
        bytes32 listId,
        uint256 index,
        uint256 value,
        uint256 expected,
        address actor
    ) private {
        _checkAuthority(identity, authority, listId, actor);
        (uint256 wordIndex, uint256 shift, uint256 mask) = _locate(listId, index);
        if (value > mask) revert StatusOutOfRange(value, 1 << StatusListId.widthLog(listId));
        _writeWord(identity, authority, listId, wordIndex, value << shift, mask << shift, expected);
    }

    function _updateLists(ListUpdate[] calldata lists, address actor) private {
        uint256 count = lists.length;
        if (count == 0) revert EmptyBatch();
        for (uint256 i = 0; i < count; ++i) {
            ListUpdate calldata list = lists[i];
            _updateWords(list.identity, list.authority, list.listId, list.words, actor);
        }
    }

    function _updateWords(
        address identity,
        uint256 authority,
        bytes32 listId,
        WordUpdate[] calldata updates,
        address actor
    ) private {
        uint256 count = updates.length;
        if (count == 0) revert EmptyBatch();
        _checkAuthority(identity, authority, listId, actor);
        StatusListId.checkOnChain(listId);
        for (uint256 i = 0; i < count; ++i) {
            WordUpdate calldata update = updates[i];
            (uint256 wordIndex, uint256 set, uint256 clear) = _masks(listId, update);
            _writeWord(identity, authority, listId, wordIndex, set, clear, update.expected);
        }
    }

    /// @dev The only place where a list changes.
    function _writeWord(
        address identity,
        uint256 authority,
        bytes32 listId,
        uint256 wordIndex,
        uint256 set,
        uint256 clear,
        uint256 expected
    ) private {
        uint256 slot = Slots.ofWord(identity, listId, wordIndex);
        uint256 previous = Slots.load(slot);
        if (expected != ANY && expected != previous) revert StaleWord(wordIndex, expected, previous);
        uint256 word = previous & ~clear | set;
        if (word == previous) return;
        // Where an entry is one bit and none is cleared, no rule can be broken.
        if (previous & ~word != 0 || StatusListId.widthLog(listId) != 0) {
            _checkRules(authority, listId, wordIndex, previous, word);
        }
        word &= StatusFields.PAYLOAD;
        Slots.store(slot, block.number << StatusFields.PAYLOAD_BITS | word);
        emit StatusWordChanged(identity, listId, wordIndex << StatusFields.PAYLOAD_BITS | word, previous);
    }

    /// @dev Where the list is terminal and INVALID was, and where the authority is to revoke and something changes,
    /// INVALID must be.
    function _checkRules(uint256 authority, bytes32 listId, uint256 wordIndex, uint256 previous, uint256 word)
        private
        pure
    {
        uint256 widthLog = StatusListId.widthLog(listId);
        previous &= StatusFields.PAYLOAD;
        word &= StatusFields.PAYLOAD;
        uint256 other = ~StatusFields.invalid(word, widthLog);
        if (StatusListId.isTerminal(listId)) {
            uint256 undone = StatusFields.invalid(previous, widthLog) & other;
            if (undone != 0) revert StatusIsFinal(_indexOf(wordIndex, undone, widthLog));
        }
        if (authority == REVOCATION_ONLY) {
            uint256 changed = StatusFields.nonZero(previous ^ word, widthLog) & other;
            if (changed != 0) revert RevocationOnly(_indexOf(wordIndex, changed, widthLog));
        }
    }

    /// @dev Index of the first field found in a word.
    function _indexOf(uint256 wordIndex, uint256 found, uint256 widthLog) private pure returns (uint256) {
        unchecked {
            return wordIndex * (StatusFields.PAYLOAD_BITS >> widthLog) + StatusFields.first(found, widthLog);
        }
    }

    function _locate(bytes32 listId, uint256 index)
        private
        pure
        returns (uint256 wordIndex, uint256 shift, uint256 mask)
    {
        StatusListId.checkOnChain(listId);
        if (index >= StatusListId.capacity(listId)) revert IndexOutOfRange(index);
        uint256 widthLog = StatusListId.widthLog(listId);
        unchecked {
            uint256 bitIndex = index << widthLog;
            wordIndex = bitIndex / StatusFields.PAYLOAD_BITS;
            shift = bitIndex % StatusFields.PAYLOAD_BITS;
            mask = (1 << (1 << widthLog)) - 1;
        }
    }

    /// @dev Word and masks of an update, checked to lie inside the list.
    function _masks(bytes32 listId, WordUpdate calldata update)
        private
        pure
        returns (uint256 wordIndex, uint256 set, uint256 clear)
    {
        (set, clear) = (update.set, update.clear);
        wordIndex = set >> StatusFields.PAYLOAD_BITS;
        set &= StatusFields.PAYLOAD;
        unchecked {
            uint256 start = wordIndex * StatusFields.PAYLOAD_BITS;
            uint256 total = StatusListId.totalBits(listId);
            uint256 left = start < total ? total - start : 0;
            if (left > StatusFields.PAYLOAD_BITS) left = StatusFields.PAYLOAD_BITS;
            if ((set | clear) >> left != 0) revert IndexOutOfRange(StatusListId.capacity(listId));
        }
    }

    function _wordCount(bytes32 listId) private pure returns (uint256) {
        unchecked {
            return (StatusListId.totalBits(listId) + StatusFields.PAYLOAD_BITS - 1) / StatusFields.PAYLOAD_BITS;
        }
    }

    // ------------------------------------------------------------------------------------------- records

    function _setKeys(
        address identity,
        uint256 authority,
        uint256 value,
        bytes32[] calldata keys,
        uint256[] calldata expected,
        address actor
    ) private {
        uint256 count = keys.length;
        if (count == 0) revert EmptyBatch();
        if (expected.length != 0) _checkRecords(identity, keys, expected);
        if (authority == REVOCATION_ONLY && value != INVALID) revert RevocationOnly(0);
        _checkAuthority(identity, authority, 0, actor);
        uint256 record = _stamped(value);
        for (uint256 i = 0; i < count; ++i) {
            _writeRecord(identity, keys[i], record);
        }
    }

    /// @dev Apart from the writing, so that whoever expects nothing pays nothing for it.
    function _checkRecords(address identity, bytes32[] calldata keys, uint256[] calldata expected) private view {
        uint256 count = keys.length;
        if (expected.length != count) revert LengthMismatch(count, expected.length);
        for (uint256 i = 0; i < count; ++i) {
            uint256 actual = Slots.load(Slots.ofRecord(identity, keys[i]));
            if (actual != expected[i]) revert StaleRecord(keys[i], expected[i], actual);
        }
    }

    /// @dev A record that is written in this block, but for the block of the change before.
    function _stamped(uint256 value) private view returns (uint256 record) {
        return value | block.timestamp << 8 | block.number << 48;
    }

    /// @dev The only place where a record changes.
    function _writeRecord(address identity, bytes32 key, uint256 record) private {
        uint256 slot = Slots.ofRecord(identity, key);
        uint256 previous = Slots.load(slot);
        if (uint8(previous) == uint8(record)) return;
        if (uint8(previous) == INVALID) revert RecordIsFinal(key);
        record |= uint256(uint48(previous >> 48)) << 96;
        Slots.store(slot, record);
        emit StatusRecordChanged(identity, key, record);
    }

    // ----------------------------------------------------------------------------------------- messages

    function _checkExpectations(ListUpdate calldata list) private view {
        uint256 count = list.words.length;
        for (uint256 i = 0; i < count; ++i) {
            WordUpdate calldata update = list.words[i];
            (uint256 wordIndex, uint256 set, uint256 clear) = _masks(list.listId, update);
            _checkExpectation(list.listId, wordIndex, set, clear, update.expected);
        }
    }

    /// @dev A message without an expectation must make every entry it touches INVALID, where that is final:
    /// repeating it does nothing. With one it works once, see `_checkAge`.
    function _checkExpectation(bytes32 listId, uint256 wordIndex, uint256 set, uint256 clear, uint256 expected)
        private
        view
    {
        if (expected != ANY) return _checkAge(expected >> StatusFields.PAYLOAD_BITS);
        StatusListId.checkOnChain(listId);
        uint256 widthLog = StatusListId.widthLog(listId);
        uint256 touched = StatusFields.nonZero(set | clear, widthLog);
        // Every touched field is replaced as a whole, and by 1.
        unchecked {
            uint256 replaced = (touched << (1 << widthLog)) - touched;
            if (StatusListId.isTerminal(listId) && set == touched && set | clear == replaced) return;
        }
        revert ExpectationRequired(wordIndex);
    }

    /// @dev What was written in an earlier block is never there again once it has changed, since what replaces it
    /// carries a later block. What was written in this block could be there again in this block.
    function _checkAge(uint256 blockNumber) private view {
        if (blockNumber >= block.number) revert ExpectedTooRecent(block.number);
    }

    function _hash(ListUpdate[] calldata lists) private pure returns (bytes32) {
        uint256 count = lists.length;
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            ListUpdate calldata list = lists[i];
            hashes[i] = keccak256(
                abi.encode(LIST_UPDATE_TYPEHASH, list.identity, list.authority, list.listId, _hash(list.words))
            );
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _hash(WordUpdate[] calldata updates) private pure returns (bytes32) {
        uint256 count = updates.length;
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = keccak256(abi.encode(WORD_UPDATE_TYPEHASH, updates[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _name() internal pure override returns (string memory) {
        return NAME;
    }
}
