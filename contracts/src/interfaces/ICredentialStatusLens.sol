// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Many statuses in one call
/// @notice Everything a verifier asks about the credentials of a presentation, all of one block, with the block.
/// @dev Stateless, and knows no registry: each question names its own, so that this is the same code on every chain.
/// The one who asks must know which registries to trust.
interface ICredentialStatusLens {
    // --------------------------------------------------------------------------------------------- types

    /// @notice What is asked for.
    enum Kind {
        ENTRY, // an entry of a list on chain: `CredentialStatusRegistry`
        RECORD, // a key record: `CredentialStatusRegistry`
        ANCHOR // the head of an anchored list: `StatusListAnchorRegistry`
    }

    /// @notice One question.
    struct Query {
        address registry; // whom to ask
        Kind kind; // what for
        address identity; // the issuer's identity
        bytes32 id; // list id, or key
        uint256 index; // the entry; 0 for the other kinds
    }

    /// @notice One answer. Nothing in it means anything unless `answered`.
    struct Answer {
        bool answered; // false: no such registry, list or entry; never "valid"
        bool found; // whether anything was ever written there
        uint256 value; // 0 VALID, 1 INVALID, 2 SUSPENDED, from 3 what the issuer says; 0 for anchors
        uint256 changedBlock; // block of the last change; 0: none, or an anchor
        uint256 changedAt; // unix seconds of the last change, key records only
        address owner; // owner of the identity, as the registry's own DID registry says
        bytes32 head; // head of an anchored list, else zero
    }

    /// @notice The block in which everything was read.
    struct Moment {
        uint256 chainId; // the chain
        uint256 blockNumber; // the block
        uint256 timestamp; // its unix seconds
        bytes32 parentHash; // hash of the block before
    }

    /// @notice Answers questions. A question that fails does not disturb the others.
    /// @param queries The questions.
    /// @return moment When.
    /// @return answers One for each, in order.
    function query(Query[] calldata queries) external view returns (Moment memory moment, Answer[] memory answers);
}
