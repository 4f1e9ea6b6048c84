// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Ids of status lists
/// @notice A list's id holds the list's rules, so that a list needs no creation and can never change its meaning.
/// @dev | byte | meaning                                                                                       |
///      |-----:|-----------------------------------------------------------------------------------------------|
///      |    0 | layout: 0x01                                                                                  |
///      |    1 | purpose: 0 revocation, 1 suspension, 2 refresh, 3 message, 4 lifecycle                        |
///      |    2 | log2 of the bits per entry: 0 to 3                                                            |
///      |    3 | flags: 1 terminal (INVALID is final), 2 owner only, 4 anchored, 8 least significant bit first |
///      |    4 | log2 of the capacity: 0 to 32 entries, e.g. 17 for 131,072                                    |
///      | 5-31 | chosen by the issuer, at random                                                               |
///
/// Flags 4 and 8 are those of lists kept off chain: such lists have 4 and may have 8, lists on chain have neither.
///
/// Values of entries: 0 VALID, 1 INVALID, 2 SUSPENDED, from 3 what the issuer says.
interface IStatusLists {
    /// @notice The id says something that is not known, or belongs to the other kind of list.
    /// @param listId The id.
    error InvalidListId(bytes32 listId);

    /// @notice The list has no such entry.
    /// @param index The entry asked for, from 0, or the first one behind the list's end that was.
    error IndexOutOfRange(uint256 index);
}
