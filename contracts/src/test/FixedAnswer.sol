// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title FixedAnswer
/// @notice For tests: answers every call with the same bytes, whatever was asked, or reverts with them.
contract FixedAnswer {
    bytes private answer;
    bool private reverts;

    constructor(bytes memory answer_, bool reverts_) {
        answer = answer_;
        reverts = reverts_;
    }

    fallback() external {
        bytes memory answer_ = answer;
        if (reverts) {
            assembly ("memory-safe") {
                revert(add(answer_, 32), mload(answer_))
            }
        }
        assembly ("memory-safe") {
            return(add(answer_, 32), mload(answer_))
        }
    }
}
