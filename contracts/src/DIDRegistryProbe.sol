// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1056} from "./interfaces/IERC1056.sol";

/// @title DIDRegistryProbe
/// @notice Never deployed. A client sends this init code, followed by `abi.encode(registry, identities)`, in an
/// `eth_call` without `to`; the node runs the constructor, and the "deployed code" it returns is the answer: which
/// block, which chain, which registry code and which states the node sees, all of one moment.
/// @dev The answer, tightly packed, numbers big-endian:
///
/// | offset | bytes | what                                                                             |
/// |-------:|------:|----------------------------------------------------------------------------------|
/// |      0 |     1 | 0x01: this layout (and, unlike 0xEF, a first byte every chain allows in code)    |
/// |      1 |     8 | block.number                                                                     |
/// |      9 |     8 | block.timestamp, unix seconds                                                    |
/// |     17 |    32 | blockhash(block.number - 1)                                                      |
/// |     49 |    32 | block.chainid                                                                    |
/// |     81 |    32 | EXTCODEHASH of the registry: 0 for no account, keccak256("") for no code         |
/// |    113 |  28 n | per identity: 8 bytes `changed`, 20 bytes `identityOwner`                        |
///
/// `changed` 2^64 - 1 (with owner zero) means that the registry gave no sensible answer for this identity: no code,
/// a failed call, an answer that is not one word, or a word out of range. It is never "unchanged".
///
/// Any ERC-1056 registry will do. An answer may not be longer than code may be, 24,576 bytes: at most 873
/// identities. Assembly is used where Solidity cannot say it (returning from a constructor) and where its memory
/// would grow with every call.
contract DIDRegistryProbe {
    uint256 private constant LAYOUT = 0x01;
    uint256 private constant HEADER = 113;
    uint256 private constant ENTRY = 28;
    uint256 private constant UNKNOWN = type(uint64).max;

    /// @notice Answers, as described above.
    /// @param registry The registry to ask.
    /// @param identities The identities to ask about.
    constructor(address registry, address[] memory identities) {
        uint256 count = identities.length;
        // One word more than needed: each entry is written as a full word, overlapped by the next.
        bytes memory answer = new bytes(HEADER + ENTRY * count + 32);
        _writeHeader(answer, registry);
        bool hasCode = registry.code.length != 0;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 changed, uint256 owner) = hasCode ? _read(registry, identities[i]) : (UNKNOWN, 0);
            _write(answer, HEADER + ENTRY * i, changed << 192 | owner << 32);
        }
        assembly ("memory-safe") {
            return(add(answer, 32), sub(mload(answer), 32))
        }
    }

    function _writeHeader(bytes memory answer, address registry) private view {
        uint256 number = uint64(block.number);
        uint256 timestamp = uint64(block.timestamp);
        _write(answer, 0, LAYOUT << 248 | number << 184 | timestamp << 120);
        // Nothing stands before block 0: its number wraps, the hash is then zero.
        unchecked {
            _write(answer, 17, uint256(blockhash(block.number - 1)));
        }
        _write(answer, 49, block.chainid);
        _write(answer, 81, uint256(registry.codehash));
    }

    /// @dev Last change and owner of one identity; `UNKNOWN` and zero unless both make sense.
    function _read(address registry, address identity) private view returns (uint256 changed, uint256 owner) {
        bool knowsChange;
        bool knowsOwner;
        (knowsChange, changed) = _ask(registry, IERC1056.changed.selector, identity);
        (knowsOwner, owner) = _ask(registry, IERC1056.identityOwner.selector, identity);
        if (!knowsChange || !knowsOwner || changed >= UNKNOWN || owner > type(uint160).max) return (UNKNOWN, 0);
    }

    /// @dev `selector(identity)` with an answer of exactly one word. In scratch space, so that 1,746 calls need no
    /// memory and a registry that answers at length costs nothing.
    function _ask(address registry, bytes4 selector, address identity)
        private
        view
        returns (bool success, uint256 word)
    {
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, identity)
            success := staticcall(gas(), registry, 0x00, 0x24, 0x00, 0x20)
            success := and(success, eq(returndatasize(), 0x20))
            word := mload(0x00)
        }
    }

    function _write(bytes memory buffer, uint256 offset, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(buffer, 32), offset), word)
        }
    }
}
