/** How long ago something was, and how long it will last, in few words. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function ago(time: string, now: number = Date.now()): string {
  const then = Date.parse(time);
  const passed = now - then;
  if (passed < MINUTE) return "Now";
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h ago`;
  if (passed < 2 * DAY) return "Yesterday";
  return new Intl.DateTimeFormat("en-GB", dateParts(then, now)).format(then);
}

function dateParts(then: number, now: number): Intl.DateTimeFormatOptions {
  const isThisYear = new Date(then).getFullYear() === new Date(now).getFullYear();
  return { day: "numeric", month: "short", ...(isThisYear ? {} : { year: "numeric" }) };
}

export function daysLeft(until: string, now: number = Date.now()): string {
  const days = Math.ceil((Date.parse(until) - now) / DAY);
  if (days <= 0) return "Any moment now";
  return days === 1 ? "1 day left" : `${days} days left`;
}
