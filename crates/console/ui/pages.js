// All pages, in the order of the navigation. One without a title is not in it.

import { workersPage } from "./pages/workers.js";

export const pages = [
  { name: "workers", title: "Workers", show: workersPage },
];
