// Who is there, which partitions run where, and how they are doing.

import { api } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, number, plural, time } from "../format.js";
import { keepAsking } from "../live.js";
import { table } from "../table.js";

const EVERY = 3_000;

export async function workersPage({ main, title, signal, onState }) {
  const processes = table({
    label: "Processes", key: (row) => row.instance,
    empty: h("p", {}, "No process was heard of lately. If this does not change, the topic of workers can't be read: look at the logs of the services."),
    columns: [
      { title: "Process", cell: (row) => row.instance },
      { title: "Roles", cell: (row) => row.roles.join(", ") },
      { title: "Partitions", class: "number", cell: (row) => number(row.partitions.length) },
      { title: "Last heard", class: "number", cell: (row) => `${plural(row.secondsSinceHeard, "second")} ago` },
      { title: "Started", wide: true, cell: (row) => time(row.started) },
      { title: "Version", wide: true, cell: (row) => row.version },
    ],
  });
  const partitions = table({
    label: "Partitions", key: (row) => `${row.partition} ${row.instance}`,
    empty: h("p", {}, "No partition runs anywhere. Start `triggerfish all`, or a dispatcher and a completion-consumer."),
    columns: [
      { title: "Partition", cell: (row) => number(row.partition) },
      { title: "Process", cell: (row) => row.instance },
      { title: "Open", class: "number", cell: (row) => number(row.open) },
      { title: "In flight or waiting", class: "number", cell: (row) => number(row.queued) },
      { title: "Lag", class: "number", cell: (row) => number(row.lag) },
      { title: "Position", class: "number", wide: true, cell: (row) => number(row.position) },
      { title: "Here since", wide: true, cell: (row) => ago(row.since) },
    ],
  });
  let isShown = false;
  await new Promise((resolve, reject) => {
    keepAsking(async (asked, timer) => {
      try {
        const { data } = await api.get("/workers/v1", { signal: asked, timer });
        if (!isShown) {
          fill(main, title("Workers"),
            h("section", {}, h("h2", {}, "Processes"), processes.element),
            h("section", {}, h("h2", {}, "Partitions of the invocation log"), partitions.element));
          isShown = true;
          resolve();
        }
        processes.set(data);
        partitions.set(data.flatMap((one) => one.partitions.map((part) => ({ ...part, instance: one.instance, roles: one.roles })))
          .sort((one, other) => one.partition - other.partition || one.instance.localeCompare(other.instance)));
      } catch (error) {
        if (!isShown) reject(error);
        throw error;
      }
    }, { every: EVERY, signal, onState });
  });
}
