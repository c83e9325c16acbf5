package io.github.tornadoattention.simulator.engine;

/** The arguments of one kernel call. */
public final class Arguments {

    private final Object[] values;

    Arguments(Object[] values) {
        this.values = values;
    }

    /** An argument by position, as the type that the kernel takes. */
    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    public <T> T at(int position) {
        return (T) values[position];
    }
}
