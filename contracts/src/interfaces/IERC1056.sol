// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title ERC-1056: lightweight Ethereum identity
/// @notice Every address is an identity and owns itself until it says otherwise. The owner may name delegates,
/// publish attributes and hand the identity to somebody else; each change is an event.
/// @dev The interface of the registry contracts behind did:ethr, with the nonce rule in use since 2018-09
/// (one nonce per signer). Owner checks fail with `Error("bad_actor")` and signature checks with
/// `Error("bad_signature")`, as in the deployed contracts.
///
/// Reading: follow `changed(identity)` and each event's `previousChange` backwards, one block at a time. The first
/// event of a block points at the previous block with a change, each further event of the same identity in that
/// block at the block itself: continue with the smallest `previousChange` below the current block.
///
/// Signing: the `Signed` functions take a signature over
/// `keccak256(0x19 ‖ 0x00 ‖ registry ‖ nonce[owner] ‖ identity ‖ method name ‖ arguments)`, tightly packed, without
/// a message prefix, v being 27 or 28. Such a message has no deadline and names no chain: it is valid at the same
/// registry address on every chain where the signer's nonce is the same.
interface IERC1056 {
    // -------------------------------------------------------------------------------------------- events

    /// @notice The identity has a new owner.
    /// @param identity The identity.
    /// @param owner The new owner; zero: deactivated for did:ethr (see `identityOwner` for what the contract does).
    /// @param previousChange Block number of the change before this one; 0: none.
    event DIDOwnerChanged(address indexed identity, address owner, uint256 previousChange);

    /// @notice A delegate was added, renewed or revoked.
    /// @param identity The identity.
    /// @param delegateType Purpose of the delegate, e.g. "veriKey" padded with zero bytes on the right.
    /// @param delegate The delegate.
    /// @param validTo Unix seconds; the delegate is valid in blocks with an earlier timestamp.
    /// @param previousChange Block number of the change before this one; 0: none.
    event DIDDelegateChanged(
        address indexed identity, bytes32 delegateType, address delegate, uint256 validTo, uint256 previousChange
    );

    /// @notice An attribute was set or revoked.
    /// @param identity The identity.
    /// @param name Name of the attribute, e.g. "did/svc/HubService" padded with zero bytes on the right.
    /// @param value Value of the attribute.
    /// @param validTo Unix seconds at which the attribute ends; 0: revoked.
    /// @param previousChange Block number of the change before this one; 0: none.
    event DIDAttributeChanged(
        address indexed identity, bytes32 name, bytes value, uint256 validTo, uint256 previousChange
    );

    // -------------------------------------------------------------------------------------------- errors

    /// @notice `block.timestamp + validity` does not fit into 256 bits.
    /// @param validity Seconds asked for.
    error ValidityOverflow(uint256 validity);

    // ------------------------------------------------------------------------------------------- reading

    /// @notice The stored owner of an identity; zero: never changed, or set to zero.
    /// @param identity The identity.
    /// @return owner What the last owner change stored.
    function owners(address identity) external view returns (address owner);

    /// @notice Until when a delegate is valid.
    /// @param identity The identity.
    /// @param typeHash keccak256 of the delegate type.
    /// @param delegate The delegate.
    /// @return validTo Unix seconds; 0: never added.
    function delegates(address identity, bytes32 typeHash, address delegate) external view returns (uint256 validTo);

    /// @notice Where the last change of an identity is to be found.
    /// @param identity The identity.
    /// @return blockNumber Block number of the last event; 0: never changed.
    function changed(address identity) external view returns (uint256 blockNumber);

    /// @notice The nonce the signer's next message must carry.
    /// @dev One queue per signer, whichever identities the signer owns.
    /// @param signer Who signs: the owner of the identity to be changed.
    /// @return next Messages used up so far.
    function nonce(address signer) external view returns (uint256 next);

    /// @notice Who may change an identity.
    /// @dev Warning: storing owner zero gives control back to the identity's own key. The contract knows no final
    /// deactivation; resolvers enforce it.
    /// @param identity The identity.
    /// @return owner The stored owner if there is one, else the identity itself.
    function identityOwner(address identity) external view returns (address owner);

    /// @notice Whether a delegate is valid in this block.
    /// @param identity The identity.
    /// @param delegateType Purpose of the delegate.
    /// @param delegate The delegate.
    /// @return valid True while the stored end is strictly later than the block's timestamp.
    function validDelegate(address identity, bytes32 delegateType, address delegate)
        external
        view
        returns (bool valid);

    // --------------------------------------------------------------------------------- changes by the owner

    /// @notice Hands an identity over. Only its owner.
    /// @param identity The identity.
    /// @param newOwner The new owner; zero: see `identityOwner`.
    function changeOwner(address identity, address newOwner) external;

    /// @notice Adds or renews a delegate. Only the identity's owner.
    /// @param identity The identity.
    /// @param delegateType Purpose of the delegate.
    /// @param delegate The delegate.
    /// @param validity Seconds from this block's timestamp.
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity) external;

    /// @notice Ends a delegate at this block's timestamp, whether or not it was ever added. Only the identity's owner.
    /// @param identity The identity.
    /// @param delegateType Purpose of the delegate.
    /// @param delegate The delegate.
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external;

    /// @notice Publishes an attribute. Only the identity's owner.
    /// @param identity The identity.
    /// @param name Name of the attribute.
    /// @param value Value of the attribute, any length.
    /// @param validity Seconds from this block's timestamp.
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity) external;

    /// @notice Revokes an attribute, whether or not it was ever set. Only the identity's owner.
    /// @param identity The identity.
    /// @param name Name of the attribute, exactly as it was set.
    /// @param value Value of the attribute, exactly as it was set.
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external;

    // -------------------------------------------------------------------------- changes signed by the owner

    /// @notice As `changeOwner`, sent by anybody with the owner's signature.
    /// @param identity The identity.
    /// @param sigV 27 or 28.
    /// @param sigR First half of the signature.
    /// @param sigS Second half of the signature; both the low and the high value are accepted.
    /// @param newOwner The new owner.
    function changeOwnerSigned(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, address newOwner) external;

    /// @notice As `addDelegate`, sent by anybody with the owner's signature.
    /// @param identity The identity.
    /// @param sigV 27 or 28.
    /// @param sigR First half of the signature.
    /// @param sigS Second half of the signature; both the low and the high value are accepted.
    /// @param delegateType Purpose of the delegate.
    /// @param delegate The delegate.
    /// @param validity Seconds from this block's timestamp.
    function addDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate,
        uint256 validity
    ) external;

    /// @notice As `revokeDelegate`, sent by anybody with the owner's signature.
    /// @param identity The identity.
    /// @param sigV 27 or 28.
    /// @param sigR First half of the signature.
    /// @param sigS Second half of the signature; both the low and the high value are accepted.
    /// @param delegateType Purpose of the delegate.
    /// @param delegate The delegate.
    function revokeDelegateSigned(
        address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, bytes32 delegateType, address delegate
    ) external;

    /// @notice As `setAttribute`, sent by anybody with the owner's signature.
    /// @param identity The identity.
    /// @param sigV 27 or 28.
    /// @param sigR First half of the signature.
    /// @param sigS Second half of the signature; both the low and the high value are accepted.
    /// @param name Name of the attribute.
    /// @param value Value of the attribute.
    /// @param validity Seconds from this block's timestamp.
    function setAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value,
        uint256 validity
    ) external;

    /// @notice As `revokeAttribute`, sent by anybody with the owner's signature.
    /// @param identity The identity.
    /// @param sigV 27 or 28.
    /// @param sigR First half of the signature.
    /// @param sigS Second half of the signature; both the low and the high value are accepted.
    /// @param name Name of the attribute, exactly as it was set.
    /// @param value Value of the attribute, exactly as it was set.
    function revokeAttributeSigned(
        address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, bytes32 name, bytes calldata value
    ) external;
}
