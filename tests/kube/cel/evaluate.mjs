// SPDX-License-Identifier: MIT
// Evaluates one policy's expressions over requests, as the API server does: variables when they are asked for, each validation by itself.
//   in: {"variables": [{"name", "expression"}], "validations": [{"expression", "message"}], "requests": [{"request", "object", "oldObject"}]}
//   out: for each request a list with, for each validation, true, false, or why it could not be evaluated
import { celEnv, isCelError, parse, plan } from "@bufbuild/cel";
import { readFileSync } from "node:fs";

const env = celEnv();
const compile = (text) => plan(env, parse(text));

// JSON as the API server hands it to CEL: a number without a fraction is an int, an object a map.
function value(v) {
	if (typeof v === "number") return Number.isInteger(v) ? BigInt(v) : v;
	if (Array.isArray(v)) return v.map(value);
	if (v !== null && typeof v === "object") return new Map(Object.entries(v).map(([k, x]) => [k, value(x)]));
	return v;
}

function evaluate(policy, given) {
	const bound = Object.fromEntries(["request", "object", "oldObject"].map((name) => [name, value(given[name])]));
	const variables = new Map();
	for (const { name, run } of policy.variables) {
		const v = run({ ...bound, variables });
		// One that cannot be evaluated is missed by whoever asks for it.
		if (!isCelError(v)) variables.set(name, v);
	}
	return policy.validations.map((run) => {
		const v = run({ ...bound, variables });
		if (isCelError(v)) return v.message;
		return typeof v === "boolean" ? v : "no boolean";
	});
}

const input = JSON.parse(readFileSync(0, "utf8"));
const policy = {
	variables: input.variables.map(({ name, expression }) => ({ name, run: compile(expression) })),
	validations: input.validations.map(({ expression }) => compile(expression)),
};
process.stdout.write(JSON.stringify(input.requests.map((r) => evaluate(policy, r))));
