// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialStatus} from "./interfaces/ICredentialStatus.sol";
import {ICredentialStatusLens} from "./interfaces/ICredentialStatusLens.sol";
import {IDIDAuthorized} from "./interfaces/IDIDAuthorized.sol";
import {IERC1056} from "./interfaces/IERC1056.sol";
import {IStatusListAnchorRegistry} from "./interfaces/IStatusListAnchorRegistry.sol";

/// @title CredentialStatusLens
/// @notice Reads, and nothing else.
/// @dev Low-level calls throughout: whatever a registry does, the others' answers come through, and an answer of
/// another length than it must have is none.
contract CredentialStatusLens is ICredentialStatusLens {
    /// @inheritdoc ICredentialStatusLens
    function query(Query[] calldata queries)
        external
        view
        override
        returns (Moment memory moment, Answer[] memory answers)
    {
        // Nothing stands before block 0: its number wraps, the hash is then zero.
        unchecked {
            moment = Moment(block.chainid, block.number, block.timestamp, blockhash(block.number - 1));
        }
        uint256 count = queries.length;
        answers = new Answer[](count);
        for (uint256 i = 0; i < count; ++i) {
            answers[i] = _answer(queries[i]);
        }
    }

    function _answer(Query calldata question) private view returns (Answer memory answer) {
        bytes memory found = _ask(question.registry, _call(question), _wordsOfAnswer(question.kind));
        address owner = _ownerOf(question.registry, question.identity);
        if (found.length == 0 || owner == address(0)) return answer;
        answer.answered = true;
        answer.owner = owner;
        if (question.kind == Kind.ENTRY) {
            (answer.value, answer.changedBlock) = abi.decode(found, (uint256, uint256));
        } else if (question.kind == Kind.RECORD) {
            (answer.value, answer.changedAt, answer.changedBlock,) =
                abi.decode(found, (uint256, uint256, uint256, uint256));
        } else {
            answer.head = bytes32(found);
        }
        answer.found = answer.changedBlock != 0 || answer.head != 0;
    }

    function _wordsOfAnswer(Kind kind) private pure returns (uint256) {
        if (kind == Kind.ENTRY) return 2;
        return kind == Kind.RECORD ? 4 : 1;
    }

    function _call(Query calldata question) private pure returns (bytes memory) {
        if (question.kind == Kind.ENTRY) {
            return abi.encodeCall(ICredentialStatus.statusOf, (question.identity, question.id, question.index));
        }
        if (question.kind == Kind.RECORD) {
            return abi.encodeCall(ICredentialStatus.recordOf, (question.identity, question.id));
        }
        return abi.encodeCall(IStatusListAnchorRegistry.headOf, (question.identity, question.id));
    }

    /// @dev Zero: no sensible answer, or an identity that belongs to nobody.
    function _ownerOf(address registry, address identity) private view returns (address) {
        bytes memory found = _ask(registry, abi.encodeCall(IDIDAuthorized.didRegistry, ()), 1);
        if (found.length == 0) return address(0);
        address didRegistry = address(uint160(uint256(bytes32(found))));
        found = _ask(didRegistry, abi.encodeCall(IERC1056.identityOwner, (identity)), 1);
        return found.length == 0 ? address(0) : address(uint160(uint256(bytes32(found))));
    }

    /// @dev Empty: no code, a failed call, or an answer of another length than it must have.
    function _ask(address target, bytes memory call, uint256 words) private view returns (bytes memory) {
        (bool success, bytes memory found) = target.staticcall(call);
        return success && found.length == 32 * words ? found : bytes("");
    }
}
