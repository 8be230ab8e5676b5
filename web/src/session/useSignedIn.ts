import { useSyncExternalStore } from "react";
import { storedToken, subscribeToToken } from "./token";

/** Whether this browser has a valid token. */
export const useSignedIn = (): boolean => useSyncExternalStore(subscribeToToken, () => storedToken() !== null);
