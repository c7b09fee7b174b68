/* A hub on ws, as its README has it. */

"use strict";

const http = require("http");
const { WebSocketServer } = require("ws");

const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const channels = new Map();
const server = http.createServer((request, response) => response.end());

function find(name) {
    if (!channels.has(name)) {
        channels.set(name, new Set());
    }

    return channels.get(name);
}

function subscribe(ws, channel) {
    channel.add(ws);
    ws.on("close", () => channel.delete(ws));
}

function publish(ws, channel) {
    ws.on("message", (data, binary) => {
        for (const subscriber of channel) {
            subscriber.send(data, { binary });
        }
    });
}

wss.on("connection", (ws, request) => {
    const [, role, name] = request.url.split("/");

    ws.on("error", () => {});

    if (role === "sub") {
        subscribe(ws, find(name));
    } else if (role === "pub") {
        publish(ws, find(name));
    } else {
        ws.on("message", (data, binary) => ws.send(data, { binary }));
    }
});

server.on("upgrade", (request, socket, head) => {
    wss.handleUpgrade(request, socket, head, ws => {
        wss.emit("connection", ws, request);
    });
});

server.listen(Number(process.argv[2]), "127.0.0.1");
