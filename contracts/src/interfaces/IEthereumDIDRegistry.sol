// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC1056} from "./IERC1056.sol";

/// @title The did:ethr registry: ERC-1056 with batches, typed signatures and bulk reads
/// @notice Ownerless and immutable. Every ERC-1056 client works unchanged; what is new stands beside it.
/// @dev EIP-712 domain: name "EthereumDIDRegistry", version "1", chainId, verifyingContract. Types:
/// `ApplyChanges(address identity,address owner,Change[] changes,uint256 nonce,uint256 deadline)` and
/// `Change(uint8 kind,bytes32 name,bytes value,uint256 validity)`.
interface IEthereumDIDRegistry is IERC1056 {
    // --------------------------------------------------------------------------------------------- types

    /// @notice One change of an identity, as one of the five ERC-1056 calls would make it.
    /// @dev | kind | call            | name          | value             | validity |
    ///      |-----:|-----------------|---------------|-------------------|----------|
    ///      |    0 | changeOwner     | zero          | new owner (20)    | zero     |
    ///      |    1 | addDelegate     | delegate type | delegate (20)     | seconds  |
    ///      |    2 | revokeDelegate  | delegate type | delegate (20)     | zero     |
    ///      |    3 | setAttribute    | name          | value             | seconds  |
    ///      |    4 | revokeAttribute | name          | value             | zero     |
    struct Change {
        uint8 kind; // 0 to 4, see above
        bytes32 name; // delegate type or attribute name; zero for an owner change
        bytes value; // 20 bytes of an address, or the attribute's value
        uint256 validity; // seconds from the block's timestamp; zero for kinds without
    }

    /// @notice What a resolver asks first.
    struct IdentityState {
        address owner; // as `identityOwner`
        uint256 changed; // as `changed`
    }

    // -------------------------------------------------------------------------------------------- errors

    /// @notice The batch holds no change.
    error EmptyBatch();

    /// @notice No change is known by this kind.
    /// @param index Position in the batch, from 0.
    /// @param kind The kind found.
    error UnknownChangeKind(uint256 index, uint8 kind);

    /// @notice An owner change stands before other changes, which its sender would no longer be allowed to make.
    /// @param index Position in the batch, from 0.
    error OwnerChangeNotLast(uint256 index);

    /// @notice The value of an owner or delegate change is not an address of 20 bytes.
    /// @param index Position in the batch, from 0.
    /// @param length Bytes found.
    error InvalidAccountLength(uint256 index, uint256 length);

    /// @notice This kind of change has no name, but one was given.
    /// @param index Position in the batch, from 0.
    error UnexpectedName(uint256 index);

    /// @notice This kind of change has no validity, but one was given.
    /// @param index Position in the batch, from 0.
    error UnexpectedValidity(uint256 index);

    /// @notice The message was sent too late.
    /// @param deadline Last second at which the message was good.
    /// @param blockTimestamp Timestamp of the block.
    error DeadlineExpired(uint256 deadline, uint256 blockTimestamp);

    /// @notice The message was used, withdrawn, or signed ahead of its turn.
    /// @param expected Nonce of the owner.
    /// @param actual Nonce of the message.
    error InvalidNonce(uint256 expected, uint256 actual);

    /// @notice Neither an ECDSA signature of the owner nor accepted by the owner's contract.
    /// @param owner Who had to sign.
    error InvalidSignature(address owner);

    // ------------------------------------------------------------------------------------------- changes

    /// @notice Makes all changes of one identity, or none. Only the identity's owner, else `Error("bad_actor")`.
    /// @dev Effect and events are those of the single calls, made one after another in one block.
    /// @param identity The identity.
    /// @param changes One change or more; an owner change may only come last.
    function applyChanges(address identity, Change[] calldata changes) external;

    /// @notice As `applyChanges`, sent by anybody with the owner's EIP-712 signature.
    /// @dev Good signatures: r ‖ s ‖ v with low s and v 27 or 28 by the owner's key (also if the account carries
    /// code by EIP-7702), else whatever the owner's contract accepts by ERC-1271. Uses up one nonce of the owner,
    /// from the queue shared with the ERC-1056 messages.
    /// @param identity The identity.
    /// @param changes One change or more; an owner change may only come last.
    /// @param nonce_ `nonce(identityOwner(identity))`.
    /// @param deadline Last good timestamp, unix seconds.
    /// @param signature The owner's signature of the `ApplyChanges` message.
    function applyChangesSigned(
        address identity, Change[] calldata changes, uint256 nonce_, uint256 deadline, bytes calldata signature
    ) external;

    /// @notice Withdraws every message the caller signed for its current nonce and nobody has submitted yet, of
    /// either kind.
    /// @dev Messages signed ahead, for later nonces, become good when their turn comes: call once for each.
    function invalidateNonce() external;

    // ------------------------------------------------------------------------------------------- reading

    /// @notice Owner and last change of many identities, all read in one block.
    /// @param identities The identities.
    /// @return states One for each identity, in order.
    function statesOf(address[] calldata identities) external view returns (IdentityState[] memory states);

    /// @notice The EIP-712 domain of `applyChangesSigned`, as ERC-5267 describes it.
    /// @return fields 0x0f: name, version, chainId and verifyingContract are used.
    /// @return name "EthereumDIDRegistry".
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
