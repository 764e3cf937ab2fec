import type { Scope } from "@boocode/contracts";
import type { App, Deps } from "./deps.ts";
import { changeUser } from "./routes/admin/change-user.ts";
import { createGrant } from "./routes/admin/create-grant.ts";
import { createUser } from "./routes/admin/create-user.ts";
import { createUserToken } from "./routes/admin/create-user-token.ts";
import { deleteGrant } from "./routes/admin/delete-grant.ts";
import { deleteUser } from "./routes/admin/delete-user.ts";
import { getUsageOfUsers } from "./routes/admin/get-usage-of-users.ts";
import { getUser } from "./routes/admin/get-user.ts";
import { listAudit } from "./routes/admin/list-audit.ts";
import { listGrants } from "./routes/admin/list-grants.ts";
import { listUserTokens } from "./routes/admin/list-user-tokens.ts";
import { listUsers } from "./routes/admin/list-users.ts";
import { revokeUserToken } from "./routes/admin/revoke-user-token.ts";
import { cancelTurn } from "./routes/cancel-turn.ts";
import { changeProject } from "./routes/change-project.ts";
import { changeSession } from "./routes/change-session.ts";
import { createProject } from "./routes/create-project.ts";
import { createSession } from "./routes/create-session.ts";
import { createShare } from "./routes/create-share.ts";
import { createToken } from "./routes/create-token.ts";
import { deleteMessages } from "./routes/delete-messages.ts";
import { deleteProject } from "./routes/delete-project.ts";
import { deleteSession } from "./routes/delete-session.ts";
import { editQuestion } from "./routes/edit-question.ts";
import { exportMe } from "./routes/export-me.ts";
import { exportSession } from "./routes/export-session.ts";
import { findFiles } from "./routes/find-files.ts";
import { forkSession } from "./routes/fork-session.ts";
import { getCitation } from "./routes/get-citation.ts";
import { getFile } from "./routes/get-file.ts";
import { getMe } from "./routes/get-me.ts";
import { getMessage } from "./routes/get-message.ts";
import { getProject } from "./routes/get-project.ts";
import { getSession } from "./routes/get-session.ts";
import { getTurn } from "./routes/get-turn.ts";
import { getUsage } from "./routes/get-usage.ts";
import { listAllSessions } from "./routes/list-all-sessions.ts";
import { listFolder } from "./routes/list-folder.ts";
import { listMembers } from "./routes/list-members.ts";
import { listMessages } from "./routes/list-messages.ts";
import { listModels } from "./routes/list-models.ts";
import { listOwnGrants } from "./routes/list-own-grants.ts";
import { listOwnShares } from "./routes/list-own-shares.ts";
import { listProjects } from "./routes/list-projects.ts";
import { listSessions } from "./routes/list-sessions.ts";
import { listShares } from "./routes/list-shares.ts";
import { listTokens } from "./routes/list-tokens.ts";
import { listTurnMessages } from "./routes/list-turn-messages.ts";
import { listTurns } from "./routes/list-turns.ts";
import { makeTicket } from "./routes/make-ticket.ts";
import { postMessage } from "./routes/post-message.ts";
import { readShare } from "./routes/read-share.ts";
import { regenerateAnswer } from "./routes/regenerate-answer.ts";
import { removeMember } from "./routes/remove-member.ts";
import { revokeShare } from "./routes/revoke-share.ts";
import { revokeToken } from "./routes/revoke-token.ts";
import { setMember } from "./routes/set-member.ts";
import { withdrawTurn } from "./routes/withdraw-turn.ts";

/**
 * The routes below `/api`, by the scope that they need. Each name, a verb and a noun as in its file's name, is the
 * `operationId` in the description.
 */
export const ROUTES: Record<Scope, Record<string, (app: App, deps: Deps) => void>> = {
  read: {
    getMe,
    listTokens,
    listOwnGrants,
    getUsage,
    exportMe,
    listProjects,
    getProject,
    getFile,
    listFolder,
    findFiles,
    listMembers,
    listSessions,
    listAllSessions,
    getSession,
    listMessages,
    getMessage,
    getCitation,
    exportSession,
    listShares,
    listOwnShares,
    readShare,
    listTurns,
    getTurn,
    listTurnMessages,
    listModels,
    makeTicket,
  },
  ask: {
    createToken,
    revokeToken,
    createProject,
    changeProject,
    deleteProject,
    setMember,
    removeMember,
    createSession,
    forkSession,
    changeSession,
    deleteSession,
    postMessage,
    deleteMessages,
    regenerateAnswer,
    editQuestion,
    createShare,
    revokeShare,
    cancelTurn,
    withdrawTurn,
  },
  admin: {
    listUsers,
    createUser,
    getUser,
    changeUser,
    deleteUser,
    listUserTokens,
    createUserToken,
    revokeUserToken,
    listGrants,
    createGrant,
    deleteGrant,
    listAudit,
    getUsageOfUsers,
  },
};
