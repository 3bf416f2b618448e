# A static binary and the authorities it trusts, run by nobody in particular.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=""
ARG COMMIT=""
RUN CGO_ENABLED=0 go build -trimpath -tags nomsgpack \
      -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" \
      -o /out/kumotrail ./bootstrap/cmd/kumotrail \
 && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/kumotrail /kumotrail
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV HOST=0.0.0.0 DATA_DIR=/data
VOLUME /data
EXPOSE 8021
ENTRYPOINT ["/kumotrail"]
CMD ["serve"]
