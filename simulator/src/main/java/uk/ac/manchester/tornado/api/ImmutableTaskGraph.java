package uk.ac.manchester.tornado.api;

import io.github.tornadoattention.simulator.engine.GraphRecord;

/** A task graph that no longer changes; an execution plan runs it. */
public class ImmutableTaskGraph {

    final GraphRecord graph;

    ImmutableTaskGraph(GraphRecord graph) {
        this.graph = graph;
    }
}
