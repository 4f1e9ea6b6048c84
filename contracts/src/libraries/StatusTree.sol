// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title StatusTree
/// @notice Positional Merkle tree over an uncompressed status list, see `IStatusListAnchorRegistry`.
/// @dev The hashes are assembly because this is measured: a proof in a list of 131,072 bits costs some 1,200 gas
/// less. They are made behind the free memory, which is not moved.
library StatusTree {
    /// @dev What the word at a position and its siblings amount to. The bits of the position say at each level on
    /// which side the sibling stands; sorting siblings instead would make all positions equal.
    function rootOf(bytes32 word, uint256 position, bytes32[] calldata proof) internal pure returns (bytes32 hash) {
        hash = _leaf(word);
        for (uint256 i = 0; i < proof.length; ++i) {
            hash = position & 1 == 0 ? _node(hash, proof[i]) : _node(proof[i], hash);
            position >>= 1;
        }
    }

    /// @dev keccak256(0x00 ‖ word).
    function _leaf(bytes32 word) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x00)
            mstore(add(free, 0x01), word)
            hash := keccak256(free, 0x21)
        }
    }

    /// @dev keccak256(0x01 ‖ left ‖ right).
    function _node(bytes32 left, bytes32 right) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            hash := keccak256(free, 0x41)
        }
    }
}
