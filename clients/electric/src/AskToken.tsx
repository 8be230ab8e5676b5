import type { FormEvent } from "react";

/** Asks for what the address lacks. */
export function AskToken({ enter }: { enter: (token: string) => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get("token");
    if (typeof token === "string" && token.trim()) enter(token.trim());
  };
  return (
    <main className="ask">
      <h1>Pipelines of a team</h1>
      <form onSubmit={submit}>
        <label htmlFor="token">Token, as the server gives it: <code>pipeloom token</code></label>
        <input id="token" name="token" type="password" autoComplete="off" required autoFocus />
        <button>Open</button>
      </form>
    </main>
  );
}
