// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC165} from "./IERC165.sol";

/// @title Status of credentials, as contracts read it
/// @notice An answer is what the issuer wrote; an unknown list is an error, never "valid".
/// @dev ERC-165 id: `type(ICredentialStatus).interfaceId`.
interface ICredentialStatus is IERC165 {
    /// @notice The status of one entry.
    /// @param identity The issuer's identity: the address in its did:ethr.
    /// @param listId The list.
    /// @param index The entry, from 0.
    /// @return value 0 VALID, 1 INVALID, 2 SUSPENDED, from 3 what the issuer says.
    /// @return changedBlock Block of the last change of the entry's word, thus not before the entry's own; 0: none.
    function statusOf(address identity, bytes32 listId, uint256 index)
        external
        view
        returns (uint256 value, uint256 changedBlock);

    /// @notice The status of a credential that is not in a list.
    /// @param identity The issuer's identity.
    /// @param key The credential's salted key.
    /// @return value As `statusOf`.
    /// @return changedAt Unix seconds of the last change; 0: none.
    /// @return changedBlock Block of the last change; 0: none.
    /// @return previousBlock Block of the change before it; 0: none.
    function recordOf(address identity, bytes32 key)
        external
        view
        returns (uint256 value, uint256 changedAt, uint256 changedBlock, uint256 previousBlock);
}
