import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.Collections;

/** A program that lists config maps; suite/client.py describes the protocol. */
abstract class Program {
    /** The names of the config maps in the namespace default. */
    abstract List<String> list() throws Exception;

    abstract String toJson(Map<String, Object> answer);

    void run() {
        for (Scanner lines = new Scanner(System.in); lines.hasNextLine(); ) {
            System.out.println(toJson(answer(Integer.parseInt(lines.nextLine()))));
        }
        // The libraries' threads would keep the program alive.
        System.exit(0);
    }

    private Map<String, Object> answer(int count) {
        ExecutorService threads = Executors.newFixedThreadPool(count);
        try {
            Callable<List<String>> request = this::list;
            List<String> names = List.of();
            for (Future<List<String>> result : threads.invokeAll(Collections.nCopies(count, request))) {
                names = result.get();
            }
            return Map.of("names", names);
        } catch (Exception error) {
            StringWriter trace = new StringWriter();
            error.printStackTrace(new PrintWriter(trace));
            return Map.of("error", trace.toString());
        } finally {
            threads.shutdown();
        }
    }
}
