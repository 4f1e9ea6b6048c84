// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title KeyWallet
/// @notice For tests: a contract account of one key. It does what anybody tells it and signs (ERC-1271) as its key.
contract KeyWallet {
    address public immutable key;

    constructor(address key_) {
        key = key_;
    }

    function execute(address target, bytes calldata call) external {
        (bool success, bytes memory answer) = target.call(call);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (bytes32 r, bytes32 s, uint8 v) = abi.decode(signature, (bytes32, bytes32, uint8));
        return ecrecover(digest, v, r, s) == key ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
