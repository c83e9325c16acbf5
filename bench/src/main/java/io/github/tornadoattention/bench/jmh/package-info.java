/** JMH benchmarks of attention on the JVM. Every result is compared with float64 before it is timed. */
@NullMarked
package io.github.tornadoattention.bench.jmh;

import org.jspecify.annotations.NullMarked;
