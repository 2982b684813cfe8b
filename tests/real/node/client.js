// Lists config maps with @kubernetes/client-node; suite/client.py describes the protocol.
import { createInterface } from 'node:readline';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';

let api;

async function list() {
    if (!api) {
        const config = new KubeConfig();
        config.loadFromDefault();
        api = config.makeApiClient(CoreV1Api);
    }
    const maps = await api.listNamespacedConfigMap({ namespace: 'default' });
    return maps.items.map((map) => map.metadata.name);
}

for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
        const lists = await Promise.all(Array.from({ length: Number(line) }, list));
        answer = { names: lists.pop() };
    } catch (error) {
        answer = { error: String(error) };
    }
    console.log(JSON.stringify(answer));
}
