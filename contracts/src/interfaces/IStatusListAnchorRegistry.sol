// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IDIDAuthorized} from "./IDIDAuthorized.sol";
import {IStatusLists} from "./IStatusLists.sol";

/// @title Heads of status lists that are kept off chain
/// @notice One slot per list commits to the list's current version: its bytes, its bits, until when it is good. An
/// older version or a second one of the same list is recognised at once. Ownerless and immutable.
/// @dev The slot, at keccak256(abi.encode(identity, listId)), holds keccak256(abi.encode(header)), zero before the
/// first version. Who publishes shows the header that is there; the new one carries the next version number and its
/// block, so that no head ever comes back, and a message that names the previous header works once.
///
/// `contentDigest` is SHA-256 of the exact bytes served. `bitmapRoot` is the root of a Merkle tree over the
/// uncompressed list: leaves keccak256(0x00 ‖ 32 bytes of the list), nodes keccak256(0x01 ‖ left ‖ right), the
/// number of leaves being the least power of two that holds the list, zero bytes behind its end. Positions count:
/// siblings are not sorted.
///
/// Bit order: without flag 8 entry 0 is in the most significant bits of byte 0 (W3C Bitstring Status List), with it
/// in the least significant ones (IETF Token Status List).
///
/// EIP-712 types:
/// `Publish(address identity,uint256 authority,bytes32 listId,bytes32 previousHead,bytes32 contentDigest,bytes32 bitmapRoot,uint256 validUntil,address signer,uint256 deadline)`.
///
/// Authority 2 of `IDIDAuthorized` cannot publish: what changed inside a list is not visible here.
interface IStatusListAnchorRegistry is IDIDAuthorized, IStatusLists {
    // --------------------------------------------------------------------------------------------- types

    /// @notice One version of a list.
    struct Header {
        bytes32 contentDigest; // SHA-256 of the bytes served
        bytes32 bitmapRoot; // see above
        uint256 version; // 1, 2, 3 …; 0 in the header that stands for "no version yet", all zero
        uint256 publishedAt; // unix seconds, timestamp of the block
        uint256 validUntil; // unix seconds, last good second
        uint256 blockNumber; // of the publication
    }

    /// @notice What a new version says.
    struct Publication {
        address identity; // the issuer's identity
        uint256 authority; // by which right, see `IDIDAuthorized`
        bytes32 listId; // the list
        Header previous; // the current header, all zero before the first
        bytes32 contentDigest; // SHA-256 of the bytes served
        bytes32 bitmapRoot; // see above
        uint256 validUntil; // unix seconds, in the future
    }

    // -------------------------------------------------------------------------------------------- events

    /// @notice A list has a new version. With the block's number and timestamp this is its header.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param version 1, 2, 3 …
    /// @param contentDigest SHA-256 of the bytes served.
    /// @param bitmapRoot Root of the uncompressed list.
    /// @param validUntil Unix seconds.
    /// @param previousBlock Block of the version before; 0: none.
    event StatusListAnchored(
        address indexed identity,
        bytes32 indexed listId,
        uint256 indexed version,
        bytes32 contentDigest,
        bytes32 bitmapRoot,
        uint256 validUntil,
        uint256 previousBlock
    );

    /// @notice Where a list is to be found, from now on. A hint: the digest decides.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param uri Where to fetch it.
    event StatusListLocated(address indexed identity, bytes32 indexed listId, string uri);

    // -------------------------------------------------------------------------------------------- errors

    /// @notice The header shown is not the current one.
    /// @param expected Head of the header shown.
    /// @param actual The head that is there.
    error StaleHeader(bytes32 expected, bytes32 actual);

    /// @notice The time until which the list is good has passed.
    /// @param validUntil Unix seconds.
    error ListExpired(uint256 validUntil);

    /// @notice A digest or a root is missing.
    error ZeroDigest();

    /// @notice The batch holds no publication.
    error EmptyBatch();

    /// @notice The word is not at this place of the list.
    error InvalidProof();

    /// @notice The proof has not one hash for each level of the tree.
    /// @param expected Levels of the tree.
    /// @param actual Hashes found.
    error ProofLengthMismatch(uint256 expected, uint256 actual);

    // ------------------------------------------------------------------------------------------- changes

    /// @notice Publishes the next version of a list. Only with the authority named.
    /// @param publication What to publish.
    function publish(Publication calldata publication) external;

    /// @notice Publishes versions of several lists, all or none. Only with the authorities named.
    /// @param publications One or more.
    function publishMany(Publication[] calldata publications) external;

    /// @notice As `publish`, sent by anybody with the message of somebody who has the authority.
    /// @param publication What to publish.
    /// @param consent Who signed the `Publish` message; its `previousHead` is the head of the previous header.
    function publishBySig(Publication calldata publication, Consent calldata consent) external;

    /// @notice Says where a list is to be found. Only with the authority named.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list.
    /// @param uri Where to fetch it.
    function locate(address identity, uint256 authority, bytes32 listId, string calldata uri) external;

    // ------------------------------------------------------------------------------------------- reading

    /// @notice The commitment to the current version of a list.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @return head keccak256 of the header; 0: no version yet.
    function headOf(address identity, bytes32 listId) external view returns (bytes32 head);

    /// @notice Whether a header is the current one, and in time.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param header The header.
    /// @return current True if both.
    function isCurrent(address identity, bytes32 listId, Header calldata header) external view returns (bool current);

    /// @notice The status of one entry of the current version, proven from the list. Reverts rather than guess.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param header The current header.
    /// @param index The entry, from 0.
    /// @param word The 32 bytes of the uncompressed list that hold the entry.
    /// @param proof The sibling at each level, leaves first.
    /// @return value The entry.
    function statusFromProof(
        address identity,
        bytes32 listId,
        Header calldata header,
        uint256 index,
        bytes32 word,
        bytes32[] calldata proof
    ) external view returns (uint256 value);

    /// @notice Whether a publication with this authority would be allowed now.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list.
    /// @param actor Who would publish.
    /// @return authorized True if the actor has the right.
    function isAuthorized(address identity, uint256 authority, bytes32 listId, address actor)
        external
        view
        returns (bool authorized);
}
