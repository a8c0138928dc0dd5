-- SPDX-License-Identifier: Apache-2.0
-- Another image for some nodes: by architecture, operating system, any label, or the kubelet's version.
-- The first rule that fits counts; without one the template's image stays.
-- Parameters:
--   container  whose image
--   labels     rules such as "kubernetes.io/arch=arm64 registry/agent:v1-arm64"
--   kubelets   rules such as "<1.28 registry/agent:v1-legacy"; they are asked first
local function rules(list)
  local i = 0
  return function()
    i = i + 1
    if list[i] then
      local condition, image = list[i]:match("^(.*) (%S+)$")
      if not condition then
        error("a rule is a condition, a space and an image, not " .. list[i], 0)
      end
      return condition, image
    end
  end
end

return {
  api = 1,
  name = "mutate/images",
  params = {
    container = { type = "string", required = true, doc = "the container's name" },
    labels = { type = "list", default = {}, doc = "SELECTOR IMAGE" },
    kubelets = { type = "list", default = {}, doc = "VERSIONS IMAGE" },
  },

  mutate = function(pod, node, set)
    local p = set.params
    for versions, image in rules(p.kubelets) do
      if moonset.semver.satisfies(node.kubelet, versions) then
        return pod:image(p.container, image)
      end
    end
    for selector, image in rules(p.labels) do
      if moonset.selector(selector):matches(node) then
        return pod:image(p.container, image)
      end
    end
  end,
}
