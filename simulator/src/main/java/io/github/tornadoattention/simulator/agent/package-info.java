/**
 * Rewrites kernel classes as they are loaded: barriers and warp operations, loops and, while watching, accesses to Java arrays.
 */
package io.github.tornadoattention.simulator.agent;
