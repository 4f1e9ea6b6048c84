// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title WritingWallet
/// @notice For tests: says yes to every signature, but wants to write first, as an attacker who re-enters would.
contract WritingWallet {
    uint256 public asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++asked;
        return this.isValidSignature.selector;
    }
}
