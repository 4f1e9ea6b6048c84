// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Authority of a did:ethr identity
/// @notice Who may act for an identity is asked of one ERC-1056 registry in every call; nothing is kept here.
/// @dev An authority is the right a caller claims. Naming it saves asking for the others.
///
///      | authority | who has it, in this block                                                         |
///      |----------:|-----------------------------------------------------------------------------------|
///      |         0 | the owner: `identityOwner(identity)`                                              |
///      |         1 | a delegate of type "credStatus", for all lists                                    |
///      |         2 | a delegate of type "credRevoke", for all lists, to make entries INVALID only      |
///      |         3 | a delegate of type keccak256(abi.encode("credStatus", listId)), for that list     |
///
/// "credStatus" and "credRevoke" are padded with zero bytes on the right. No DID resolver turns these types into
/// keys of a DID document. A list whose id says "owner only" knows authority 0 alone.
///
/// Warning: ERC-1056 delegates survive a change of owner, and an owner of zero gives control back to the identity's
/// own key. The first is for the new owner to clean up, the second for readers to judge from the registry's events.
///
/// EIP-712 domain: the contract's name, version "1", chainId, verifyingContract; computed in each call.
interface IDIDAuthorized {
    /// @notice Who signed, until when it is good, and the signature.
    /// @dev Good signatures: 65 bytes r ‖ s ‖ v with v 27 or 28, or 64 bytes as ERC-2098, both with low s and by the
    /// signer's own key (also if the account carries code by EIP-7702); else whatever the signer's contract accepts
    /// by ERC-1271. `signer` and `deadline` are members of every signed message.
    struct Consent {
        address signer; // who claims the authority
        uint256 deadline; // last good timestamp, unix seconds
        bytes signature; // of the EIP-712 message
    }

    /// @notice There is no contract at the address given as the DID registry.
    /// @param registry The address.
    error NoDIDRegistry(address registry);

    /// @notice The actor has not, or no longer, the authority claimed.
    /// @param identity The identity.
    /// @param actor The caller or the signer.
    error NotAuthorized(address identity, address actor);

    /// @notice No authority is known by this number, or it does not exist for what is called.
    /// @param authority The number found.
    error UnknownAuthority(uint256 authority);

    /// @notice The message was sent too late.
    /// @param deadline Last second at which the message was good.
    /// @param blockTimestamp Timestamp of the block.
    error DeadlineExpired(uint256 deadline, uint256 blockTimestamp);

    /// @notice Neither an ECDSA signature of the signer nor accepted by the signer's contract.
    /// @param signer Who had to sign.
    error InvalidSignature(address signer);

    /// @notice The registry that says who owns an identity and who its delegates are.
    /// @return registry An ERC-1056 registry; it never changes.
    function didRegistry() external view returns (address registry);

    /// @notice The EIP-712 domain of signed messages, as ERC-5267 describes it.
    /// @return fields 0x0f: name, version, chainId and verifyingContract are used.
    /// @return name Name of the contract.
    /// @return version "1".
    /// @return chainId The chain asked.
    /// @return verifyingContract This contract.
    /// @return salt Unused, zero.
    /// @return extensions Unused, empty.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}
