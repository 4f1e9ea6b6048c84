// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title ERC-165: which interfaces a contract has
interface IERC165 {
    /// @notice Whether the contract implements an interface.
    /// @param interfaceId XOR of the interface's function selectors; 0xffffffff is never implemented.
    /// @return supported True if it does.
    function supportsInterface(bytes4 interfaceId) external view returns (bool supported);
}
