import com.google.gson.Gson;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.util.Config;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Lists with io.kubernetes:client-java. */
class Client extends Program {
    private CoreV1Api api;

    public static void main(String[] arguments) {
        new Client().run();
    }

    private synchronized CoreV1Api api() throws IOException {
        if (api == null) {
            api = new CoreV1Api(Config.defaultClient());
        }
        return api;
    }

    @Override
    List<String> list() throws Exception {
        return api().listNamespacedConfigMap("default").execute().getItems().stream()
                .map(map -> map.getMetadata().getName())
                .toList();
    }

    @Override
    String toJson(Map<String, Object> answer) {
        return new Gson().toJson(answer);
    }
}
