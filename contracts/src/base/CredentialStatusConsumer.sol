// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ICredentialStatus} from "../interfaces/ICredentialStatus.sol";

/// @title CredentialStatusConsumer
/// @notice A base for contracts that act only on credentials that are valid now.
/// @dev A status that cannot be read is no status: the registry's revert is the consumer's. Never wrap these calls
/// into `try` … `catch` that goes on.
abstract contract CredentialStatusConsumer {
    /// @notice There is nothing at this address that answers for credentials.
    /// @param registry The address.
    error NoCredentialStatus(address registry);

    /// @notice The issuer says something else than VALID.
    /// @param identity The issuer's identity.
    /// @param id List id, or key.
    /// @param index The entry; 0 for keys.
    /// @param value 1 INVALID, 2 SUSPENDED, from 3 what the issuer says.
    error CredentialNotValid(address identity, bytes32 id, uint256 index, uint256 value);

    /// @notice Whom this contract asks. It never changes.
    ICredentialStatus public immutable credentialStatus;

    constructor(ICredentialStatus credentialStatus_) {
        if (
            address(credentialStatus_).code.length == 0
                || !credentialStatus_.supportsInterface(type(ICredentialStatus).interfaceId)
        ) revert NoCredentialStatus(address(credentialStatus_));
        credentialStatus = credentialStatus_;
    }

    /// @dev Goes on only if the entry of the list is VALID now.
    modifier whileValid(address identity, bytes32 listId, uint256 index) {
        _checkValid(identity, listId, index);
        _;
    }

    /// @dev Reverts unless the entry of the list is VALID now.
    function _checkValid(address identity, bytes32 listId, uint256 index) internal view {
        (uint256 value,) = credentialStatus.statusOf(identity, listId, index);
        if (value != 0) revert CredentialNotValid(identity, listId, index, value);
    }

    /// @dev Reverts unless the key record is VALID now, or was never written.
    function _checkValidKey(address identity, bytes32 key) internal view {
        (uint256 value,,,) = credentialStatus.recordOf(identity, key);
        if (value != 0) revert CredentialNotValid(identity, key, 0, value);
    }
}
