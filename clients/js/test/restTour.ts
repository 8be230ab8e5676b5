/** What a page does over REST, from the list of pipelines to a version's restoration: `{url, token}` on stdin. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { everyItem, RestError, restClient, sessionToken } from "../src/rest/index.js";

const { url, token } = JSON.parse(await text(process.stdin));
const rest = restClient({ url, token: sessionToken({ url, token }) });
const refusal = (of: Promise<unknown>): Promise<RestError> =>
  of.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );

const types = await rest.stepTypes();
assert.equal(await rest.stepTypes(), types);
assert.equal(types.get("claude")?.schema.properties?.["type"]?.const, "claude");

assert.match((await rest.me()).email, /@/);
const [team] = (await rest.teams()).items;
assert(team);
const { id } = await rest.pipelines.create({ team_id: team.id, name: "a tour", tags: ["tour", "first"] });
await rest.pipelines.create({ team_id: team.id, name: "another", tags: ["tour"] });
const found = await rest.pipelines.list({ tag: ["tour", "first"], q: undefined, team: team.id });
assert.deepEqual(found.items.map((each) => [each.id, each.present]), [[id, []]]);
const named = await rest.pipelines.list({ id: [id], status: ["draft", "active"], sort: "name" });
assert.deepEqual(named.items.map(({ outline }) => outline.step_count), [0]);
const names: string[] = [];
for await (const each of everyItem((page) => rest.pipelines.list({ tag: ["tour"], limit: 1, ...page }))) {
  names.push(each.name);
}
assert.deepEqual(names.sort(), ["a tour", "another"]);

const { yaml, etag } = await rest.yaml.export(id);
const step = "  steps:\n    - name: greet\n      type: claude\n      prompt:\n        - {type: static, content: Say hello.}\n";
const edited = yaml.replace(/\n  steps: \[\]\n|$/, `\n${step}`);
assert.equal((await rest.yaml.validate(edited)).steps, 1);
assert.equal((await rest.yaml.apply(id, edited, etag)).steps, 1);
const stale = await refusal(rest.yaml.apply(id, edited, etag));
assert.deepEqual([stale.status, stale.code, typeof stale.problem?.current], [412, "stale", "string"]);
const broken = await refusal(rest.pipelines.importYaml(team.id, "workflow: [\n"));
assert.equal(broken.code, "invalid_file");
assert.equal(typeof broken.problem?.errors?.[0]?.line, "number");
const imported = await rest.pipelines.importYaml(team.id, edited);
assert.deepEqual([imported.name, imported.findings], ["a tour", []]);

const first = await rest.versions.save(id, "with a greeting");
assert.equal((await rest.pipelines.rename(id, "renamed")).name, "renamed");
await rest.yaml.apply(id, yaml);
const second = await rest.versions.save(id, "without", "It was not needed.");
const [one, two] = [first.version_number, second.version_number];
const { steps } = await rest.versions.compare(id, one, two);
assert.deepEqual(steps.map(({ kind, name }) => [kind, name]), [["removed", "greet"]]);
assert.equal((await rest.versions.get(id, one)).steps.length, 1);
const gone = steps[0]?.id ?? "";
assert.equal((await rest.versions.restore(id, one, [gone])).version_number, one);
assert.equal((await rest.pipelines.get(id)).name, "a tour");
assert.equal((await refusal(rest.versions.restore(id, two, [gone]))).status, 422);
await rest.pipelines.patch(id, { name: "renamed" });
await rest.versions.restore(id, one);
assert.equal((await rest.pipelines.get(id)).name, "a tour");
const numbers = (await rest.versions.list(id)).items.map((each) => each.version_number);
assert(numbers.includes(one) && numbers.includes(two));
assert.notEqual((await rest.versions.history(id)).items.length, 0);

const comment = await rest.comments.add(id, { content: "Why?", step_id: gone });
assert.equal((await rest.comments.resolve(id, comment.id)).resolved, true);
assert.deepEqual((await rest.comments.list(id, { resolved: true })).items.map((each) => each.id), [comment.id]);
assert.equal(await rest.comments.remove(id, comment.id), undefined);
assert.deepEqual((await rest.comments.list(id)).items, []);
assert.deepEqual((await rest.pipelines.diagnostics(id)).items, []);
assert.deepEqual((await rest.pipelines.presence(id)).items, []);

const fork = await rest.pipelines.fork(id, { name: "a fork" });
assert.equal(fork.parent_pipeline_id, id);
assert.equal((await rest.pipelines.archive(fork.id)).status, "archived");
await rest.pipelines.delete(fork.id);
assert.equal((await refusal(rest.pipelines.get(fork.id))).status, 404);
const deleted = await rest.pipelines.deleted({ team: team.id });
assert.deepEqual(deleted.items.map((each) => each.id), [fork.id]);
assert.equal((await rest.pipelines.bringBack(fork.id)).name, "a fork");

const { organization_id } = team;
const doomed = await rest.call("post", "/teams", { body: { organization_id, name: "Doomed" } });
await rest.call("delete", "/teams/{team_id}", { path: { team_id: doomed.id } });
assert.deepEqual((await rest.deletedTeams.list()).items.map((each) => each.id), [doomed.id]);
assert.equal((await rest.deletedTeams.bringBack(doomed.id)).name, "Doomed");
// The tests after this one take the newest team for the one with everybody in it.
await rest.call("delete", "/teams/{team_id}", { path: { team_id: doomed.id } });

const { id: template } = await rest.templates.create({ pipeline_id: id, name: "Greeting" });
assert.deepEqual((await rest.templates.list()).items.map((each) => each.id), [template]);
assert.equal((await rest.templates.get(template)).name, "Greeting");
assert.equal((await rest.templates.instantiate(template, { team_id: team.id, name: "made" })).name, "made");
const overview = await rest.overview(team.id);
assert.deepEqual([overview.templates, overview.tags[0]?.tag], [1, "tour"]);
assert.equal(await rest.templates.remove(template), undefined);
assert.deepEqual((await rest.templates.list()).items, []);
const [owner] = (await rest.members.list(team.id)).items;
assert.equal(owner?.role, "owner");
assert.equal((await refusal(rest.members.add(team.id, { email: owner.email }))).code, "conflict");
const invitation = await rest.invitations.create(team.id, { email: "Ada@example.org", role: "viewer" });
assert.deepEqual((await rest.invitations.list(team.id)).items, [invitation]);
assert.deepEqual([invitation.email, invitation.invited_by.id], ["ada@example.org", owner.id]);
const again = await rest.members.add(team.id, { email: "ada@example.org" });
assert.equal(again.id, invitation.id);
assert.equal(await rest.invitations.withdraw(team.id, invitation.id), undefined);
assert.deepEqual((await rest.invitations.list(team.id)).items, []);
assert.deepEqual((await rest.invitations.mine()).items, []);
assert.equal((await refusal(rest.invitations.accept(invitation.id))).status, 404);
assert.equal((await refusal(rest.invitations.decline(invitation.id))).status, 404);

const link = await rest.links.create(team.id, { role: "viewer", max_uses: 2 });
const { secret, path: _path, ...shown } = link;
assert.deepEqual((await rest.links.list(team.id)).items, [shown]);
const guest = restClient({ url, token: () => null });
const offer = await guest.links.offer(secret);
assert.deepEqual([offer.team_id, offer.role, offer.uses_left], [team.id, "viewer", 2]);
assert.equal((await rest.links.accept(secret)).id, team.id);
const joined = await guest.links.join(secret, { email: "tour@example.org", name: "Tour" });
assert.equal((await restClient({ url, token: () => joined.token }).me()).name, "Tour");
assert.equal(await rest.links.revoke(team.id, link.id), undefined);
assert.equal((await refusal(guest.links.offer(secret))).status, 404);
await rest.call("delete", "/teams/{team_id}/members/{user_id}", {
  path: { team_id: team.id, user_id: (await restClient({ url, token: () => joined.token }).me()).id },
});

assert.equal((await refusal(restClient({ url, token: () => null }).me())).code, "unauthenticated");
console.log("done");
