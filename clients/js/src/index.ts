/** The document, and rooms, for which pages need `@hocuspocus/provider`. */
export * from "./document.js";
export { joinRoom } from "./room.js";
export type { Room, RoomEvent, RoomOptions, Saved } from "./room.js";
export type { EditedField, Other, Presence, Rectangle } from "./presence.js";
