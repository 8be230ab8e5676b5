/** Connections that go on by themselves. */
import type { Saved } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { useEffect } from "react";
import { session } from "../session/token";

/** Who signs in, in this window or another, goes on where the connection has ended; so does a network that is back. */
export function useConnectAgain(): void {
  const room = useRoom();
  useEffect(() => {
    const again = (state: Saved["state"]) => (): void => void (room.saved().state === state && room.reconnect());
    const online = again("offline");
    const stop = session.subscribe(again("signed out"));
    addEventListener("online", online);
    return () => {
      stop();
      removeEventListener("online", online);
    };
  }, [room]);
}
