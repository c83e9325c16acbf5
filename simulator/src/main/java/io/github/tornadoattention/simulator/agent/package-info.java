/** Rewrites kernel classes as they are loaded: barriers, loops and, while watching, accesses to Java arrays. */
package io.github.tornadoattention.simulator.agent;
