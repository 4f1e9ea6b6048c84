// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialStatus} from "./ICredentialStatus.sol";
import {IDIDAuthorized} from "./IDIDAuthorized.sol";
import {IStatusLists} from "./IStatusLists.sol";

/// @title Credential status on chain: status lists and key records
/// @notice Lists hold many statuses in a word, key records one status with its time. Both live under the issuer's
/// identity. Ownerless and immutable.
/// @dev A word holds 208 bits of statuses (208, 104, 52 or 26 entries; entry `index` is in word `index / perWord`,
/// at bit `index % perWord * bits`, counted from the least significant) and above them, in bits 208 to 255, the
/// number of the block of its last change. It is never zero again once it was changed.
///
/// A record holds, from the least significant bit: value (8), unix seconds of the last change (40), its block (48),
/// the block of the change before (48).
///
/// Storage: a word is at slot keccak256(abi.encode(identity, listId)) + wordIndex, a record at
/// keccak256(abi.encodePacked(identity, key)).
///
/// `ANY` = 1, which no word ever is, stands for "whatever there is" where a word is expected.
///
/// What changes nothing is not written and emits nothing: the last change stays the last change.
///
/// EIP-712 types:
/// `SetStatus(address identity,uint256 authority,bytes32 listId,uint32 index,uint8 value,uint256 expectedWord,address signer,uint256 deadline)`,
/// `UpdateLists(ListUpdate[] lists,address signer,uint256 deadline)`,
/// `ListUpdate(address identity,uint256 authority,bytes32 listId,WordUpdate[] words)`,
/// `WordUpdate(uint256 set,uint256 clear,uint256 expected)`,
/// `SetKeys(address identity,uint256 authority,uint8 value,bytes32[] keys,uint256[] expected,address signer,uint256 deadline)`.
///
/// Signed messages carry no nonce. A message can be repeated until its deadline only if that does nothing: it makes
/// entries INVALID where INVALID is final. Every other one names the word or the record it expects, which must be
/// of an earlier block, and after the change will never be there again.
interface ICredentialStatusRegistry is ICredentialStatus, IDIDAuthorized, IStatusLists {
    // --------------------------------------------------------------------------------------------- types

    /// @notice The change of one word: bits are cleared, then set.
    struct WordUpdate {
        uint256 set; // bits 0-207: what is 1 afterwards; bits 208-255: which word of the list, from 0
        uint256 clear; // bits 0-207: what is 0 afterwards unless set
        uint256 expected; // the word as it must be before, 0: never used, ANY: whatever there is
    }

    /// @notice The changes of one list.
    struct ListUpdate {
        address identity; // the issuer's identity
        uint256 authority; // by which right, see `IDIDAuthorized`
        bytes32 listId; // the list
        WordUpdate[] words; // one change or more
    }

    // -------------------------------------------------------------------------------------------- events

    /// @notice A word of a list has changed. Follow the block in `previousWord` for the change before.
    /// @dev Together the events of a word are its history, without gap: each one's `previousWord` is what the one
    /// before it wrote. The word itself is `update` with the number of the event's block in place of the word index.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param update Bits 0 to 207: the statuses now; bits 208 to 255: which word of the list, from 0.
    /// @param previousWord The word before, as it was stored; 0: never used.
    event StatusWordChanged(
        address indexed identity, bytes32 indexed listId, uint256 update, uint256 previousWord
    );

    /// @notice A key record has changed. It names the block of the change before.
    /// @param identity The issuer's identity.
    /// @param key The credential's salted key.
    /// @param record The record now.
    event StatusRecordChanged(address indexed identity, bytes32 indexed key, uint256 record);

    // -------------------------------------------------------------------------------------------- errors

    /// @notice The batch holds no change.
    error EmptyBatch();

    /// @notice The value does not fit into an entry.
    /// @param value The value.
    /// @param bits Bits of an entry.
    error StatusOutOfRange(uint256 value, uint256 bits);

    /// @notice An INVALID entry would become something else, where INVALID is final.
    /// @param index The first such entry of the word.
    error StatusIsFinal(uint256 index);

    /// @notice An INVALID record would become something else.
    /// @param key The record's key.
    error RecordIsFinal(bytes32 key);

    /// @notice Neither one expected record for each key nor none at all.
    /// @param keys Number of keys.
    /// @param expected Number of expected records.
    error LengthMismatch(uint256 keys, uint256 expected);

    /// @notice Authority 2 would make an entry something else than INVALID.
    /// @param index The first such entry; for key records 0.
    error RevocationOnly(uint256 index);

    /// @notice Somebody else has changed the word in the meantime.
    /// @param wordIndex The word, from 0.
    /// @param expected The word that was to be there.
    /// @param actual The word that is there.
    error StaleWord(uint256 wordIndex, uint256 expected, uint256 actual);

    /// @notice Somebody else has changed the record in the meantime.
    /// @param key The record's key.
    /// @param expected The record that was to be there.
    /// @param actual The record that is there.
    error StaleRecord(bytes32 key, uint256 expected, uint256 actual);

    /// @notice The message expects a word or record that was written in this very block. Send it in a later one.
    /// @param blockNumber This block.
    error ExpectedTooRecent(uint256 blockNumber);

    /// @notice The message could be repeated and would then do something: it must say what it expects.
    /// @param index The entry or the word; for key records 0.
    error ExpectationRequired(uint256 index);

    // ------------------------------------------------------------------------------------------- changes

    /// @notice Sets one entry of a list. Only with the authority named.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list.
    /// @param index The entry, from 0.
    /// @param value The value, within the bits of an entry.
    function setStatus(address identity, uint256 authority, bytes32 listId, uint32 index, uint8 value) external;

    /// @notice Changes words of one list, all or none. Only with the authority named.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list.
    /// @param words One change or more.
    function updateWords(address identity, uint256 authority, bytes32 listId, WordUpdate[] calldata words) external;

    /// @notice Changes words of several lists of one or more issuers, all or none. Only with the authorities named.
    /// @param lists One change or more.
    function updateLists(ListUpdate[] calldata lists) external;

    /// @notice Makes one key record INVALID, for ever. Only with the authority named.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`; 3 does not exist for keys.
    /// @param key The credential's salted key.
    function revokeKey(address identity, uint256 authority, bytes32 key) external;

    /// @notice Sets key records, all or none. INVALID is final. Only with the authority named.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`; 3 does not exist for keys.
    /// @param value The value of all of them.
    /// @param keys One key or more.
    /// @param expected The records as they must be before, one for each key; or none at all: whatever there is.
    function setKeys(
        address identity, uint256 authority, uint8 value, bytes32[] calldata keys, uint256[] calldata expected
    ) external;

    // ----------------------------------------------------------------------------------- changes by message

    /// @notice As `setStatus`, sent by anybody with the message of somebody who has the authority.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list.
    /// @param index The entry, from 0.
    /// @param value The value, within the bits of an entry.
    /// @param expectedWord The word as it must be before; `ANY` only to make an entry INVALID where that is final.
    /// @param consent Who signed the `SetStatus` message.
    function setStatusBySig(
        address identity,
        uint256 authority,
        bytes32 listId,
        uint32 index,
        uint8 value,
        uint256 expectedWord,
        Consent calldata consent
    ) external;

    /// @notice As `updateLists`, sent by anybody with the message of somebody who has the authorities.
    /// @param lists One change or more; `ANY` only to make entries INVALID where that is final.
    /// @param consent Who signed the `UpdateLists` message.
    function updateListsBySig(ListUpdate[] calldata lists, Consent calldata consent) external;

    /// @notice As `setKeys`, sent by anybody with the message of somebody who has the authority.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`; 3 does not exist for keys.
    /// @param value The value of all of them.
    /// @param keys One key or more.
    /// @param expected The records as they must be before, one for each key; none at all only to make them INVALID.
    /// @param consent Who signed the `SetKeys` message.
    function setKeysBySig(
        address identity,
        uint256 authority,
        uint8 value,
        bytes32[] calldata keys,
        uint256[] calldata expected,
        Consent calldata consent
    ) external;

    // ------------------------------------------------------------------------------------------- reading

    /// @notice The values of many entries of one list.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param indexes The entries; cheapest in rising order.
    /// @return values One byte for each, in order.
    function statusesOf(address identity, bytes32 listId, uint256[] calldata indexes)
        external
        view
        returns (bytes memory values);

    /// @notice Words of one list, as stored; a whole list in one call.
    /// @param identity The issuer's identity.
    /// @param listId The list.
    /// @param first The first word, from 0.
    /// @param count How many; those behind the list's end are left out.
    /// @return words The words; 0: never used.
    function wordsOf(address identity, bytes32 listId, uint256 first, uint256 count)
        external
        view
        returns (uint256[] memory words);

    /// @notice Many key records, as stored.
    /// @param identity The issuer's identity.
    /// @param keys The keys.
    /// @return records One for each, in order; 0: none.
    function recordsOf(address identity, bytes32[] calldata keys) external view returns (uint256[] memory records);

    /// @notice Whether a change with this authority would be allowed now.
    /// @param identity The issuer's identity.
    /// @param authority By which right, see `IDIDAuthorized`.
    /// @param listId The list; zero for key records.
    /// @param actor Who would make it.
    /// @return authorized True if the actor has the right.
    function isAuthorized(address identity, uint256 authority, bytes32 listId, address actor)
        external
        view
        returns (bool authorized);
}
