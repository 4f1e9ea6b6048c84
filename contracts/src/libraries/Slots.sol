// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Slots
/// @notice Where words and records are stored, for readers with storage proofs: the formula is part of the
/// specification.
/// @dev A list is stored as Solidity stores an array, word after word from a hashed slot on: one hash finds them all.
/// Records are hashed from 52 bytes and lists from 64, so that no key can ever be taken for a list. The contract has
/// no other storage. Assembly because this is measured: some 250 gas less for each change than a mapping.
library Slots {
    /// @dev keccak256(abi.encode(identity, listId)) + wordIndex.
    function ofWord(address identity, bytes32 listId, uint256 wordIndex) internal pure returns (uint256 slot) {
        uint256 namespace = uint160(identity);
        assembly ("memory-safe") {
            mstore(0x00, namespace)
            mstore(0x20, listId)
            slot := add(keccak256(0x00, 0x40), wordIndex)
        }
    }

    /// @dev keccak256(abi.encodePacked(identity, key)).
    function ofRecord(address identity, bytes32 key) internal pure returns (uint256 slot) {
        uint256 namespace = uint160(identity);
        assembly ("memory-safe") {
            mstore(0x00, namespace)
            mstore(0x20, key)
            slot := keccak256(0x0c, 0x34)
        }
    }

    function load(uint256 slot) internal view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(slot)
        }
    }

    function store(uint256 slot, uint256 word) internal {
        assembly ("memory-safe") {
            sstore(slot, word)
        }
    }
}
