// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStatusLists} from "../interfaces/IStatusLists.sol";

/// @title StatusListId
/// @notice Reads the rules of a list out of its id, see `IStatusLists`.
library StatusListId {
    // The first five bytes as a number: which bits decide, and what they must be. The last purpose is 4: with 3 added
    // every higher one has a bit where none may be, before or after the addition.
    uint256 private constant RULES_SHIFT = 216;
    uint256 private constant PURPOSE_LIMIT = 0x0003000000;
    uint256 private constant ON_CHAIN_MASK = 0xfff8fcfce0;
    uint256 private constant ON_CHAIN = 0x0100000000;
    uint256 private constant ANCHORED_MASK = 0xfff8fcf4e0;
    uint256 private constant ANCHORED = 0x0100000400;

    // Flags.
    uint256 private constant TERMINAL = 1;
    uint256 private constant OWNER_ONLY = 2;
    uint256 private constant LEAST_SIGNIFICANT_FIRST = 8;

    /// @dev Reverts unless the id is that of a list on chain.
    function checkOnChain(bytes32 listId) internal pure {
        if (_rules(listId) & ON_CHAIN_MASK != ON_CHAIN) revert IStatusLists.InvalidListId(listId);
    }

    /// @dev Reverts unless the id is that of an anchored list.
    function checkAnchored(bytes32 listId) internal pure {
        if (_rules(listId) & ANCHORED_MASK != ANCHORED) revert IStatusLists.InvalidListId(listId);
    }

    function _rules(bytes32 listId) private pure returns (uint256 rules) {
        unchecked {
            rules = uint256(listId) >> RULES_SHIFT;
            return rules | rules + PURPOSE_LIMIT;
        }
    }

    function isTerminal(bytes32 listId) internal pure returns (bool) {
        return uint8(listId[3]) & TERMINAL != 0;
    }

    function isOwnerOnly(bytes32 listId) internal pure returns (bool) {
        return uint8(listId[3]) & OWNER_ONLY != 0;
    }

    function isLeastSignificantFirst(bytes32 listId) internal pure returns (bool) {
        return uint8(listId[3]) & LEAST_SIGNIFICANT_FIRST != 0;
    }

    /// @dev log2 of the bits per entry.
    function widthLog(bytes32 listId) internal pure returns (uint256) {
        return uint8(listId[2]);
    }

    /// @dev Entries of the list.
    function capacity(bytes32 listId) internal pure returns (uint256) {
        return 1 << uint8(listId[4]);
    }

    /// @dev Bits of the whole list; at most 2^35.
    function totalBits(bytes32 listId) internal pure returns (uint256) {
        unchecked {
            return 1 << (uint256(uint8(listId[4])) + uint8(listId[2]));
        }
    }
}
