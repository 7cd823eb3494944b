// Sets the page up.
"use strict";

chooseMethods();
document.querySelectorAll("[data-legend]").forEach(makeLegend);
legends.forEach((refresh) => refresh());
if (DATA.views) setUpComparison();
setUpTask();
