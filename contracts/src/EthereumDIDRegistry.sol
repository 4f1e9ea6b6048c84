// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1056} from "./interfaces/IERC1056.sol";
import {IEthereumDIDRegistry} from "./interfaces/IEthereumDIDRegistry.sol";

/// @title EthereumDIDRegistry
/// @notice The did:ethr registry: no owner, no proxy, no pause, nothing to configure.
/// @dev Every change goes the same way: who may (`_checkOwner` or a signature), what was before (`_touch`), one
/// private function per kind of change. Single calls and batches share those functions, so that they cannot differ.
contract EthereumDIDRegistry is IEthereumDIDRegistry {
    // ----------------------------------------------------------------------------------------- constants

    // Kinds of a `Change`.
    uint8 private constant OWNER_CHANGE = 0;
    uint8 private constant ADD_DELEGATE = 1;
    uint8 private constant REVOKE_DELEGATE = 2;
    uint8 private constant SET_ATTRIBUTE = 3;
    uint8 private constant REVOKE_ATTRIBUTE = 4;

    string private constant DOMAIN_NAME = "EthereumDIDRegistry";
    string private constant DOMAIN_VERSION = "1";

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant CHANGE_TYPEHASH =
        keccak256("Change(uint8 kind,bytes32 name,bytes value,uint256 validity)");
    bytes32 private constant APPLY_CHANGES_TYPEHASH = keccak256(
        "ApplyChanges(address identity,address owner,Change[] changes,uint256 nonce,uint256 deadline)Change(uint8 kind,bytes32 name,bytes value,uint256 validity)"
    );

    /// @dev Half the order of secp256k1: the higher of the two possible `s` is refused in typed signatures.
    uint256 private constant MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev ERC-1271: `isValidSignature(bytes32,bytes)`, both its selector and its word for yes.
    bytes4 private constant ERC1271_MAGIC = 0x1626ba7e;

    // ------------------------------------------------------------------------------------------- storage

    /// @inheritdoc IERC1056
    mapping(address identity => address owner) public override owners;

    /// @inheritdoc IERC1056
    mapping(address identity => mapping(bytes32 typeHash => mapping(address delegate => uint256 validTo)))
        public
        override delegates;

    /// @inheritdoc IERC1056
    mapping(address identity => uint256 blockNumber) public override changed;

    /// @inheritdoc IERC1056
    mapping(address signer => uint256 next) public override nonce;

    // ------------------------------------------------------------------------------------------- reading

    /// @inheritdoc IERC1056
    function identityOwner(address identity) external view override returns (address owner) {
        return _ownerOf(identity);
    }

    /// @inheritdoc IERC1056
    function validDelegate(address identity, bytes32 delegateType, address delegate)
        external
        view
        override
        returns (bool valid)
    {
        return delegates[identity][keccak256(abi.encode(delegateType))][delegate] > block.timestamp;
    }

    /// @inheritdoc IEthereumDIDRegistry
    function statesOf(address[] calldata identities)
        external
        view
        override
        returns (IdentityState[] memory states)
    {
        uint256 count = identities.length;
        states = new IdentityState[](count);
        for (uint256 i = 0; i < count; ++i) {
            address identity = identities[i];
            states[i] = IdentityState({owner: _ownerOf(identity), changed: changed[identity]});
        }
    }

    /// @inheritdoc IEthereumDIDRegistry
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
        return (hex"0f", DOMAIN_NAME, DOMAIN_VERSION, block.chainid, address(this), 0, new uint256[](0));
    }

    // --------------------------------------------------------------------------------- changes by the owner

    /// @inheritdoc IERC1056
    function changeOwner(address identity, address newOwner) external override {
        _checkOwner(identity);
        _changeOwner(identity, newOwner, _touch(identity));
    }

    /// @inheritdoc IERC1056
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity)
        external
        override
    {
        _checkOwner(identity);
        _setDelegate(identity, delegateType, delegate, _validTo(validity), _touch(identity));
    }

    /// @inheritdoc IERC1056
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external override {
        _checkOwner(identity);
        _setDelegate(identity, delegateType, delegate, block.timestamp, _touch(identity));
    }

    /// @inheritdoc IERC1056
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity)
        external
        override
    {
        _checkOwner(identity);
        _setAttribute(identity, name, value, _validTo(validity), _touch(identity));
    }

    /// @inheritdoc IERC1056
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external override {
        _checkOwner(identity);
        _setAttribute(identity, name, value, 0, _touch(identity));
    }

    /// @inheritdoc IEthereumDIDRegistry
    function applyChanges(address identity, Change[] calldata changes) external override {
        _checkOwner(identity);
        _applyChanges(identity, changes);
    }

    /// @inheritdoc IEthereumDIDRegistry
    function invalidateNonce() external override {
        _useNonce(msg.sender);
    }

    // -------------------------------------------------------------------------- changes signed by the owner

    /// @inheritdoc IERC1056
    function changeOwnerSigned(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, address newOwner)
        external
        override
    {
        _useMessage(identity, sigV, sigR, sigS, abi.encodePacked("changeOwner", newOwner));
        _changeOwner(identity, newOwner, _touch(identity));
    }

    /// @inheritdoc IERC1056
    function addDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate,
        uint256 validity
    ) external override {
        _useMessage(
            identity, sigV, sigR, sigS, abi.encodePacked("addDelegate", delegateType, delegate, validity)
        );
        _setDelegate(identity, delegateType, delegate, _validTo(validity), _touch(identity));
    }

    /// @inheritdoc IERC1056
    function revokeDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate
    ) external override {
        _useMessage(identity, sigV, sigR, sigS, abi.encodePacked("revokeDelegate", delegateType, delegate));
        _setDelegate(identity, delegateType, delegate, block.timestamp, _touch(identity));
    }

    /// @inheritdoc IERC1056
    function setAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value,
        uint256 validity
    ) external override {
        _useMessage(identity, sigV, sigR, sigS, abi.encodePacked("setAttribute", name, value, validity));
        _setAttribute(identity, name, value, _validTo(validity), _touch(identity));
    }

    /// @inheritdoc IERC1056
    function revokeAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value
    ) external override {
        _useMessage(identity, sigV, sigR, sigS, abi.encodePacked("revokeAttribute", name, value));
        _setAttribute(identity, name, value, 0, _touch(identity));
    }

    /// @inheritdoc IEthereumDIDRegistry
    function applyChangesSigned(
        address identity,
        Change[] calldata changes,
        uint256 nonce_,
        uint256 deadline,
        bytes calldata signature
    ) external override {
        if (block.timestamp > deadline) revert DeadlineExpired(deadline, block.timestamp);
        address owner = _ownerOf(identity);
        uint256 expected = nonce[owner];
        if (nonce_ != expected) revert InvalidNonce(expected, nonce_);
        bytes32 digest = _digest(identity, owner, changes, nonce_, deadline);
        if (!_isSignedBy(owner, digest, signature)) revert InvalidSignature(owner);
        _useNonce(owner);
        _applyChanges(identity, changes);
    }

    // ---------------------------------------------------------------------------------- the changes, once

    function _applyChanges(address identity, Change[] calldata changes) private {
        uint256 count = changes.length;
        if (count == 0) revert EmptyBatch();
        uint256 previousChange = _touch(identity);
        for (uint256 i = 0; i < count; ++i) {
            _applyChange(identity, changes[i], i, i + 1 == count, previousChange);
            // What the next single call in this block would have found.
            previousChange = block.number;
        }
    }

    function _applyChange(
        address identity,
        Change calldata change,
        uint256 index,
        bool isLast,
        uint256 previousChange
    ) private {
        uint8 kind = change.kind;
        // The likeliest kinds first: keys and services are attributes.
        if (kind == SET_ATTRIBUTE) {
            _setAttribute(identity, change.name, change.value, _validTo(change.validity), previousChange);
        } else if (kind == ADD_DELEGATE) {
            address delegate = _account(index, change.value);
            _setDelegate(identity, change.name, delegate, _validTo(change.validity), previousChange);
        } else if (kind == REVOKE_ATTRIBUTE) {
            if (change.validity != 0) revert UnexpectedValidity(index);
            _setAttribute(identity, change.name, change.value, 0, previousChange);
        } else if (kind == REVOKE_DELEGATE) {
            if (change.validity != 0) revert UnexpectedValidity(index);
            _setDelegate(identity, change.name, _account(index, change.value), block.timestamp, previousChange);
        } else if (kind == OWNER_CHANGE) {
            if (!isLast) revert OwnerChangeNotLast(index);
            if (change.name != 0) revert UnexpectedName(index);
            if (change.validity != 0) revert UnexpectedValidity(index);
            _changeOwner(identity, _account(index, change.value), previousChange);
        } else {
            revert UnknownChangeKind(index, kind);
        }
    }

    function _changeOwner(address identity, address newOwner, uint256 previousChange) private {
        owners[identity] = newOwner;
        emit DIDOwnerChanged(identity, newOwner, previousChange);
    }

    function _setDelegate(
        address identity,
        bytes32 delegateType,
        address delegate,
        uint256 validTo,
        uint256 previousChange
    ) private {
        delegates[identity][keccak256(abi.encode(delegateType))][delegate] = validTo;
        emit DIDDelegateChanged(identity, delegateType, delegate, validTo, previousChange);
    }

    function _setAttribute(
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 validTo,
        uint256 previousChange
    ) private {
        emit DIDAttributeChanged(identity, name, value, validTo, previousChange);
    }

    /// @dev Marks the identity as changed in this block and returns the block of the change before.
    function _touch(address identity) private returns (uint256 previousChange) {
        previousChange = changed[identity];
        changed[identity] = block.number;
    }

    // ------------------------------------------------------------------------------------ who may change

    function _ownerOf(address identity) private view returns (address owner) {
        owner = owners[identity];
        return owner == address(0) ? identity : owner;
    }

    function _checkOwner(address identity) private view {
        require(msg.sender == _ownerOf(identity), "bad_actor");
    }

    /// @dev Checks an ERC-1056 message and uses up its nonce. `call` is the method's name and arguments, packed.
    /// Warning: kept as deployed, `ecrecover`'s zero for a broken signature passes for the identity zero.
    function _useMessage(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, bytes memory call) private {
        address owner = _ownerOf(identity);
        bytes32 digest =
            keccak256(abi.encodePacked(bytes2(0x1900), address(this), _useNonce(owner), identity, call));
        require(ecrecover(digest, sigV, sigR, sigS) == owner, "bad_signature");
    }

    /// @dev Moves the signer's queue on and returns the nonce used up.
    function _useNonce(address signer) private returns (uint256 used) {
        // 2^256 messages will not be sent.
        unchecked {
            used = nonce[signer]++;
        }
    }

    /// @dev What the owner signs for `applyChangesSigned`. The domain is computed in each call: with nothing of the
    /// chain in it, the runtime code is the same on every chain, and a fork of a chain gets its own domain.
    function _digest(
        address identity,
        address owner,
        Change[] calldata changes,
        uint256 nonce_,
        uint256 deadline
    ) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPEHASH,
                keccak256(bytes(DOMAIN_NAME)),
                keccak256(bytes(DOMAIN_VERSION)),
                block.chainid,
                address(this)
            )
        );
        bytes32 message = keccak256(
            abi.encode(APPLY_CHANGES_TYPEHASH, identity, owner, _hash(changes), nonce_, deadline)
        );
        return keccak256(abi.encodePacked(bytes2(0x1901), domain, message));
    }

    function _hash(Change[] calldata changes) private pure returns (bytes32) {
        uint256 count = changes.length;
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Change calldata change = changes[i];
            hashes[i] = keccak256(
                abi.encode(
                    CHANGE_TYPEHASH, change.kind, change.name, keccak256(change.value), change.validity
                )
            );
        }
        return keccak256(abi.encodePacked(hashes));
    }

    /// @dev The key first, whether or not there is code: an EIP-7702 account has both, and its key is the owner.
    function _isSignedBy(address owner, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return _isSignedByKey(owner, digest, signature) || _isAcceptedByContract(owner, digest, signature);
    }

    function _isSignedByKey(address owner, bytes32 digest, bytes calldata signature)
        private
        pure
        returns (bool)
    {
        if (signature.length != 65) return false;
        bytes32 s = bytes32(signature[32:64]);
        if (uint256(s) > MAX_S) return false;
        address signer = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
        return signer != address(0) && signer == owner;
    }

    function _isAcceptedByContract(address owner, bytes32 digest, bytes calldata signature)
        private
        view
        returns (bool)
    {
        if (owner.code.length == 0) return false;
        // A low-level call: whatever comes back must end in yes or no, never in somebody else's revert.
        (bool success, bytes memory answer) =
            owner.staticcall(abi.encodeWithSelector(ERC1271_MAGIC, digest, signature));
        return success && answer.length == 32 && bytes32(answer) == bytes32(ERC1271_MAGIC);
    }

    // -------------------------------------------------------------------------------------- small readings

    function _account(uint256 index, bytes calldata value) private pure returns (address) {
        if (value.length != 20) revert InvalidAccountLength(index, value.length);
        return address(bytes20(value));
    }

    function _validTo(uint256 validity) private view returns (uint256 validTo) {
        unchecked {
            validTo = block.timestamp + validity;
        }
        if (validTo < validity) revert ValidityOverflow(validity);
    }
}
