import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Lists with io.fabric8:kubernetes-client. */
class Client extends Program {
    private KubernetesClient client;

    public static void main(String[] arguments) {
        new Client().run();
    }

    private synchronized KubernetesClient client() {
        if (client == null) {
            client = new KubernetesClientBuilder().build();
        }
        return client;
    }

    @Override
    List<String> list() {
        return client().configMaps().inNamespace("default").list().getItems().stream()
                .map(map -> map.getMetadata().getName())
                .toList();
    }

    @Override
    String toJson(Map<String, Object> answer) {
        return new JsonMapper().writeValueAsString(answer);
    }
}
