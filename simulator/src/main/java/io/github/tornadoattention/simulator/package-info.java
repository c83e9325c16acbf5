/**
 * Runs TornadoVM kernels on the JVM, with no device, driver or SDK: work-groups with true barriers and shared local memory,
 * device memory of its own, reports of what a device would not forgive, and counts of memory traffic.
 *
 * <p>{@link io.github.tornadoattention.simulator.Simulator} has the switches,
 * {@link io.github.tornadoattention.simulator.SimulatedDevice} the limits,
 * {@link io.github.tornadoattention.simulator.Traffic} the counters and
 * {@link io.github.tornadoattention.simulator.KernelFault} the reports.
 */
package io.github.tornadoattention.simulator;
