/**
 * The engine: plans run graphs, graphs launch kernels, launches deal groups to threads, groups run their work-items as coroutines
 * from barrier to barrier. Public here is only what the API's classes and rewritten kernels call.
 */
package io.github.tornadoattention.simulator.engine;
