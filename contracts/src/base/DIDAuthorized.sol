// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDIDAuthorized} from "../interfaces/IDIDAuthorized.sol";
import {IERC1056} from "../interfaces/IERC1056.sol";
import {StatusListId} from "../libraries/StatusListId.sol";

/// @title DIDAuthorized
/// @notice Who may act for an identity, and whose message is good.
/// @dev Nothing is stored: an ERC-1056 registry is asked in every call, and messages carry no nonce. What makes a
/// message harmless when it is repeated is the business of the contract that takes it.
abstract contract DIDAuthorized is IDIDAuthorized {
    // ----------------------------------------------------------------------------------------- constants

    // Authorities.
    uint256 internal constant OWNER = 0;
    uint256 internal constant ALL_LISTS = 1;
    uint256 internal constant REVOCATION_ONLY = 2;
    uint256 internal constant ONE_LIST = 3;

    bytes32 private constant STATUS_DELEGATE = "credStatus";
    bytes32 private constant REVOCATION_DELEGATE = "credRevoke";

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @dev Half the order of secp256k1: the higher of the two possible `s` is refused.
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev ERC-1271: `isValidSignature(bytes32,bytes)`, both its selector and its word for yes.
    bytes4 private constant ERC1271_MAGIC = 0x1626ba7e;

    /// @inheritdoc IDIDAuthorized
    address public immutable override didRegistry;

    constructor(address didRegistry_) {
        if (didRegistry_.code.length == 0) revert NoDIDRegistry(didRegistry_);
        didRegistry = didRegistry_;
    }

    // ------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IDIDAuthorized
    function eip712Domain()
        external
        view
        override
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", _name(), "1", block.chainid, address(this), 0, new uint256[](0));
    }

    // ----------------------------------------------------------------------------------------- authority

    /// @dev Reverts unless the actor has the authority.
    function _checkAuthority(address identity, uint256 authority, bytes32 listId, address actor) internal view {
        if (!(authority == OWNER ? _isOwner(identity, actor) : _isDelegate(identity, authority, listId, actor))) {
            revert NotAuthorized(identity, actor);
        }
    }

    // The two questions to the DID registry are assembly because this is measured: some 200 gas less in every call.
    // An answer that is not one word, from a registry that is broken or gone, gives nobody a right. The right operand
    // of `and` is evaluated first.

    /// @dev The actor must not be zero: ERC-1056 says that the owner of identity zero is zero.
    function _isOwner(address identity, address actor) internal view returns (bool yes) {
        address registry = didRegistry;
        bytes4 selector = IERC1056.identityOwner.selector;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, identity)
            yes := and(eq(returndatasize(), 0x20), staticcall(gas(), registry, 0x00, 0x24, 0x00, 0x20))
            yes := and(yes, eq(mload(0x00), actor))
        }
    }

    function _isDelegate(address identity, uint256 authority, bytes32 listId, address actor)
        internal
        view
        returns (bool yes)
    {
        if (StatusListId.isOwnerOnly(listId)) return false;
        bytes32 delegateType = _delegateType(listId, authority);
        address registry = didRegistry;
        bytes4 selector = IERC1056.validDelegate.selector;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, selector)
            mstore(add(free, 0x04), identity)
            mstore(add(free, 0x24), delegateType)
            mstore(add(free, 0x44), actor)
            yes := and(eq(returndatasize(), 0x20), staticcall(gas(), registry, free, 0x64, 0x00, 0x20))
            yes := and(yes, eq(mload(0x00), 1))
        }
    }

    function _delegateType(bytes32 listId, uint256 authority) private pure returns (bytes32) {
        // The dearest first.
        if (authority == ONE_LIST && listId != 0) return _typeForList(listId);
        if (authority == ALL_LISTS) return STATUS_DELEGATE;
        if (authority == REVOCATION_ONLY) return REVOCATION_DELEGATE;
        revert UnknownAuthority(authority);
    }

    /// @dev keccak256(abi.encode("credStatus", listId)), in scratch space.
    function _typeForList(bytes32 listId) private pure returns (bytes32 delegateType) {
        bytes32 prefix = STATUS_DELEGATE;
        assembly ("memory-safe") {
            mstore(0x00, prefix)
            mstore(0x20, listId)
            delegateType := keccak256(0x00, 0x40)
        }
    }

    // ----------------------------------------------------------------------------------------- messages

    /// @dev Name of the contract in the EIP-712 domain.
    function _name() internal pure virtual returns (string memory);

    /// @dev Reverts unless the signer agreed to the message, in time.
    function _checkConsent(bytes32 messageHash, Consent calldata consent) internal view {
        if (block.timestamp > consent.deadline) revert DeadlineExpired(consent.deadline, block.timestamp);
        // Computed in each call: a fork of a chain gets its own domain.
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256(bytes(_name())), VERSION_HASH, block.chainid, address(this))
        );
        bytes32 digest = keccak256(abi.encodePacked(bytes2(0x1901), domain, messageHash));
        if (!_isSignedBy(consent.signer, digest, consent.signature)) revert InvalidSignature(consent.signer);
    }

    /// @dev The key first, whether or not there is code: an EIP-7702 account has both.
    function _isSignedBy(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return signer != address(0)
            && (_recover(digest, signature) == signer || _isAcceptedByContract(signer, digest, signature));
    }

    /// @dev Zero: no signature.
    function _recover(bytes32 digest, bytes calldata signature) private pure returns (address) {
        if (signature.length != 65 && signature.length != 64) return address(0);
        (bytes32 r, uint256 s) = (bytes32(signature[:32]), uint256(bytes32(signature[32:64])));
        uint256 v;
        if (signature.length == 65) {
            v = uint8(signature[64]);
        } else {
            // ERC-2098: the parity stands in the bit that a low s does not need.
            v = 27 + (s >> 255);
            s &= type(uint256).max >> 1;
        }
        return s > MAX_S ? address(0) : ecrecover(digest, uint8(v), r, bytes32(s));
    }

    function _isAcceptedByContract(address signer, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool)
    {
        if (signer.code.length == 0) return false;
        // A low-level call: whatever comes back must end in yes or no, never in somebody else's revert.
        (bool success, bytes memory answer) =
            signer.staticcall(abi.encodeWithSelector(ERC1271_MAGIC, digest, signature));
        return success && answer.length == 32 && bytes32(answer) == bytes32(ERC1271_MAGIC);
    }
}
