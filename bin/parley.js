#!/usr/bin/env node
// Plain old JavaScript on purpose: a Node that is too old must still be able to parse this file and say so.
var floor = 24;
var found = Number(process.versions.node.split(".")[0]);

if (found < floor) {
  process.stderr.write(
    "parley needs Node " +
      floor +
      " or newer, found " +
      process.versions.node +
      ". In a checkout, `npm ci && npm start` brings a fitting Node along.\n",
  );
  process.exit(1);
}

// By default these signals end a process, and loading the server takes a second. A SIGHUP that comes meanwhile is passed on to
// the listener that is added later (src/cli/reload.ts).
if (process.argv[2] === "serve") {
  var mustReload = false;
  process.on("SIGUSR2", function () {});
  process.on("SIGHUP", function () {
    mustReload = true;
  });
  process.on("newListener", function passOn(name) {
    if (name !== "SIGHUP") return;
    process.off("newListener", passOn);
    if (mustReload)
      setImmediate(function () {
        process.emit("SIGHUP", "SIGHUP");
      });
  });
}

// The C library of Linux keeps freed blocks of up to 32 MB for later, and the process stays as large as its largest
// moment. With a fixed threshold a freed block of 256 KB or more goes back to the system at once; for the smaller ones that
// sockets and the database take all the time, that would cost more than their use. It is read from the
// environment when a process starts, so a server replaces itself with one that has it: same process id, same pipes. A
// channel to a parent (fork, `node --watch`) would not outlive that.
// https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD, read on 2026-11-28
// oxlint-disable-next-line node/no-process-env
var environment = process.env;
if (
  process.argv[2] === "serve" &&
  process.platform === "linux" &&
  process.execve &&
  !process.send &&
  !environment.MALLOC_MMAP_THRESHOLD_ &&
  !environment.GLIBC_TUNABLES
) {
  process.execve(
    process.execPath,
    [process.execPath].concat(process.execArgv, process.argv.slice(1)),
    Object.assign({}, environment, { MALLOC_MMAP_THRESHOLD_: "262144" }),
  );
}

// npm runs its scripts in a shell, and a shell that is told to end does not pass that on: without this the server would
// stay behind as an orphan when somebody ends `npm start`.
// oxlint-disable-next-line node/no-process-env
if (process.env.npm_lifecycle_event) {
  var parent = process.ppid;
  var watch = setInterval(function () {
    if (process.ppid === parent) return;
    // once: a second signal would end running answers
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 500).unref();
}

// Half of a start is compiling, so Node keeps what it compiled between starts; NODE_DISABLE_COMPILE_CACHE=1 forbids it.
//
// A checkout runs the sources as they are; a published package has only their JavaScript, because Node does not strip
// types below node_modules.
Promise.all([import("node:fs"), import("node:module")])
  .then(function (modules) {
    var source = new URL("../src/cli/main.ts", import.meta.url);
    modules[1].enableCompileCache();
    return import(modules[0].existsSync(source) ? source.href : new URL("../dist/cli/main.js", import.meta.url).href);
  })
  .catch(function (error) {
    process.stderr.write(String((error && error.stack) || error) + "\n");
    process.exit(1);
  });
