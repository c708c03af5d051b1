import { appendFileSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { spawn } from "node:child_process";
// ../../work/main/packages/cli/test/holdfast.ts
const bin = fileURLToPath(new URL("../bin/holdfast.js", import.meta.url));
/** Starts `holdfast` as a user's shell would, with nothing configured but `env`. */
function start(args, options = {}) {
	return startProcess(process.execPath, [bin, ...args], options);
}
function startProcess(file, args, { env, stdin, ...options } = {}) {
	const { HOLDFAST_URL: _, ...inherited } = process.env;
	const child = spawn(file, args, {
		...options,
		env: {
			...inherited,
			...env
		},
		stdio: [
			"pipe",
			"pipe",
			"pipe"
		]
	});
	if (stdin !== void 0) child.stdin.end(stdin);
	let stdout = "";
	let stderr = "";
	child.stdout.setEncoding("utf8").on("data", (text) => stdout += text);
	child.stderr.setEncoding("utf8").on("data", (text) => stderr += text);
	const ended = new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (status, signal) => resolve({
			status,
			signal,
			stdout,
			stderr
		}));
	});
	const said = async (text) => {
		while (!stdout.includes(text)) {
			if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before it said ${text}: ${stdout} ${stderr}`);
			await setTimeout(10);
		}
	};
	return {
		process: child,
		pid: child.pid ?? 0,
		ended,
		said
	};
}
function isAlive(pid) {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		if (error.code === "ESRCH") return false;
		throw error;
	}
}
/** Whether all of them are gone, or go within 5 s. */
async function allGone(pids) {
	for (const until = performance.now() + 5e3; performance.now() < until; await setTimeout(20)) if (!pids.some(isAlive)) return true;
	return false;
}
// ../../work/main/packages/cli/test/contention.ts
const script = fileURLToPath(new URL("fixtures/add.sh", import.meta.url));
const TTL_MS = 3e3;
/** A victim stays inside this long, far beyond its ttl: if it was not ended, it writes when others have long been in. */
const LINGER_S = 7;
/** `clients` add to one counter `additions` times each; an addition that the resource did not take is tried again. */
async function contend(url, dir, clients, additions) {
	const log = join(dir, "log");
	appendFileSync(log, "");
	const fates = /* @__PURE__ */ new Map([
		["3.10", "killed alone"],
		["7.15", "killed with its command"],
		["11.20", "frozen past its ttl"]
	]);
	const attempts = [];
	const client = async (number) => {
		for (let addition = 0; addition < additions; addition += 1) for (let retry = 0, done = false; !done; retry += 1) {
			const id = `${number}.${addition}.${retry}`;
			const fate = retry === 0 ? fates.get(`${number}.${addition}`) : void 0;
			const attempt = await add(url, log, id, fate);
			attempts.push(attempt);
			done = fold(log).some((line) => line.attempt === id && line.accepted);
			if (!done && fate === void 0) throw new Error(`${id} was not counted: status ${attempt.status} ${attempt.stderr}`);
		}
	};
	await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
	return {
		attempts,
		lines: fold(log)
	};
}
async function add(url, log, id, fate) {
	const running = start([
		"run",
		"counter",
		"--backend",
		url,
		"--ttl",
		`${TTL_MS}ms`,
		"--",
		"sh",
		script,
		log,
		id,
		String(fate === void 0 ? 0 : LINGER_S)
	], { detached: fate === "killed with its command" });
	if (fate !== void 0) await meet(fate, running.pid, () => fold(log).some((line) => line.attempt === id));
	const { status, stderr } = await running.ended;
	const pids = fold(log).find((line) => line.attempt === id)?.pids ?? [];
	if (!await allGone(pids)) throw new Error(`processes of ${id} are left behind: ${pids.join(" ")}`);
	return {
		id,
		fate,
		status,
		stderr
	};
}
async function meet(fate, pid, inside) {
	while (!inside()) await setTimeout(5);
	if (fate === "frozen past its ttl") {
		process.kill(pid, "SIGSTOP");
		await setTimeout(TTL_MS * 1.5);
		process.kill(pid, "SIGCONT");
	} else process.kill(fate === "killed alone" ? pid : -pid, "SIGKILL");
}
/** The same rule as `fold.awk`. */
function fold(log) {
	let fence = 0n;
	return readFileSync(log, "utf8").split("\n").slice(0, -1).map((text) => {
		const [kind, token = "", attempt = "", ...rest] = text.split(" ");
		if (kind !== "enter" && kind !== "write") throw new Error(`a torn line in the log: ${text}`);
		const entry = {
			token: BigInt(token),
			attempt
		};
		if (kind === "enter" && entry.token > fence) fence = entry.token;
		if (kind === "enter") return {
			...entry,
			kind,
			value: 0,
			pids: rest.map(Number),
			accepted: false
		};
		return {
			...entry,
			kind,
			value: Number(rest[0]),
			pids: [],
			accepted: entry.token >= fence
		};
	});
}
// mini.mts
const dir = mkdtempSync("/tmp/devpkg/c-");
console.log(dir);
const t = performance.now();
const n = Number(process.argv[2]);
const k = Number(process.argv[3]);
const r = await contend(process.argv[4] ?? "file://" + dir + "/locks", dir, n, k);
console.log(n * k, "in", performance.now() - t, r.attempts.filter((a) => a.fate || a.status !== 0), r.lines.filter((l) => l.accepted).length);
process.exit(0);
export {};
