/** The report: results of any number of machines as one page, with figures drawn as SVG. */
@NullMarked
package io.github.tornadoattention.bench.report;

import org.jspecify.annotations.NullMarked;
