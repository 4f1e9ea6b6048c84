// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title GasMeter
/// @notice For measurements: what a call costs another contract, without what a transaction costs.
contract GasMeter {
    function measure(address target, bytes calldata call) external view returns (uint256 used) {
        uint256 before = gasleft();
        (bool success,) = target.staticcall(call);
        used = before - gasleft();
        require(success, "failed");
    }
}
