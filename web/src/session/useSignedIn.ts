import { useSyncExternalStore } from "react";
import { session } from "./token";

/** Whether this browser has a valid token. */
export const useSignedIn = (): boolean => useSyncExternalStore(session.subscribe, () => session.current() !== null);
