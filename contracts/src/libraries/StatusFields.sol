// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title StatusFields
/// @notice All entries of a word at once: 208 bits as fields of 1, 2, 4 or 8 bits, each answer one bit for each
/// field, at the field's lowest bit.
library StatusFields {
    uint256 internal constant PAYLOAD_BITS = 208;
    uint256 internal constant PAYLOAD = (1 << PAYLOAD_BITS) - 1;

    /// @dev The lowest bit of each field. 208 is a multiple of every width, so that the division leaves nothing.
    function lowest(uint256 widthLog) internal pure returns (uint256) {
        unchecked {
            return PAYLOAD / ((1 << (1 << widthLog)) - 1);
        }
    }

    /// @dev Which fields are not zero. The higher half of each field is folded onto the lower one until one bit is
    /// left; what a neighbour shifts in stays above it.
    function nonZero(uint256 fields, uint256 widthLog) internal pure returns (uint256) {
        if (widthLog == 0) return fields;
        if (widthLog == 3) fields |= fields >> 4;
        if (widthLog >= 2) fields |= fields >> 2;
        return (fields | fields >> 1) & lowest(widthLog);
    }

    /// @dev Which fields are INVALID, that is 1.
    function invalid(uint256 fields, uint256 widthLog) internal pure returns (uint256) {
        if (widthLog == 0) return fields;
        uint256 low = lowest(widthLog);
        return nonZero(fields ^ low, widthLog) ^ low;
    }

    /// @dev Number of the first field that has its bit; there must be one.
    function first(uint256 found, uint256 widthLog) internal pure returns (uint256 field) {
        unchecked {
            while (found & 1 == 0) {
                found >>= (1 << widthLog);
                ++field;
            }
        }
    }
}
