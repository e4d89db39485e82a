// SPDX-License-Identifier: MIT
// An agent's tool as it is: the client of the Model Context Protocol's SDK, which gives a request up after 60 s, or after as many
// milliseconds as the first argument says (0: its own), and asks again when a line comes on standard input. Prints a line of JSON
// for each thing that it sees. The other arguments: which server, the SQL.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [timeout, server, sql] = process.argv.slice(2);
const e = process.env, modules = join(dirname(fileURLToPath(import.meta.url)), 'node_modules');
const dsn = `postgresql://${e.PGUSER}:${encodeURIComponent(e.PGPASSWORD)}@${e.PGHOST}:${e.PGPORT}/${e.PGDATABASE}`;
const own = { PG_HOST: e.PGHOST, PG_PORT: e.PGPORT, PG_USER: e.PGUSER, PG_PASSWORD: e.PGPASSWORD, PG_DATABASE: e.PGDATABASE, PG_ALLOW_WRITE: 'true' };
const servers = {
	'henkey': [['@henkey/postgres-mcp-server/build/index.js', '--connection-string', dsn], 'pg_execute_sql', { sql }],
	'mcp-postgres-server': [['mcp-postgres-server/build/index.js'], 'execute', { sql }],
};
const [[script, ...args], name, given] = servers[server];
const say = (step, more) => console.log(JSON.stringify({ step, ...more }));
const client = new Client({ name: 'agent', version: '1' });
await client.connect(new StdioClientTransport({ command: 'node', args: [join(modules, script), ...args], env: { ...e, ...own }, stderr: 'ignore' }));
say('tools', { names: (await client.listTools()).tools.map((t) => t.name) });

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
do {
	const began = Date.now();
	try {
		const r = await client.callTool({ name, arguments: given }, undefined, timeout === '0' ? undefined : { timeout: Number(timeout) });
		say('answered', { after_ms: Date.now() - began, error: Boolean(r.isError), text: r.content.map((c) => c.text).join('\n') });
	} catch (x) {
		say('gave up', { after_ms: Date.now() - began, code: x.code, text: x.message });
	}
} while (!(await lines.next()).done);
await client.close();
