// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CredentialStatusConsumer} from "../base/CredentialStatusConsumer.sol";
import {ICredentialStatus} from "../interfaces/ICredentialStatus.sol";
import {IDIDAuthorized} from "../interfaces/IDIDAuthorized.sol";
import {IERC1056} from "../interfaces/IERC1056.sol";

/// @title MembersDoor
/// @notice An example: a club's identity enrols members, each with the entry of the member's credential in a status
/// list. The door opens while that entry is VALID. To expel or suspend a member the club changes the status, for all
/// verifiers at once; this contract is not touched.
contract MembersDoor is CredentialStatusConsumer {
    /// @notice Where a member's credential has its status.
    struct Membership {
        bytes32 listId; // zero: no member
        uint256 index; // the entry
    }

    /// @notice A member came in.
    /// @param member Who.
    event Entered(address indexed member);

    /// @notice Only the club's owner may enrol.
    /// @param caller Who tried.
    error NotTheClub(address caller);

    /// @notice The club never enrolled the caller.
    /// @param caller Who tried.
    error NotAMember(address caller);

    /// @notice The club: an identity of the DID registry.
    address public immutable club;

    /// @notice Where the members' statuses are.
    mapping(address member => Membership) public memberships;

    constructor(ICredentialStatus credentialStatus_, address club_) CredentialStatusConsumer(credentialStatus_) {
        club = club_;
    }

    /// @notice Enrols a member. Only the owner of the club's identity.
    /// @param member Who.
    /// @param listId The list of the member's credential.
    /// @param index Its entry.
    function enrol(address member, bytes32 listId, uint256 index) external whileValid(club, listId, index) {
        IERC1056 didRegistry = IERC1056(IDIDAuthorized(address(credentialStatus)).didRegistry());
        if (msg.sender != didRegistry.identityOwner(club)) revert NotTheClub(msg.sender);
        memberships[member] = Membership(listId, index);
    }

    /// @notice Lets a member in, while the credential is valid.
    function enter() external {
        Membership memory membership = memberships[msg.sender];
        if (membership.listId == 0) revert NotAMember(msg.sender);
        _checkValid(club, membership.listId, membership.index);
        emit Entered(msg.sender);
    }
}
